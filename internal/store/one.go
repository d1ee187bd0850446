package store

import "gorm.io/gorm"

// first returns the first row that a query finds, and whether it finds one.
func first[R any](v *View, query *gorm.DB) (row R, found bool, err error) {
	var rows []R
	if err := query.Limit(1).Find(&rows).Error; err != nil || len(rows) == 0 {
		return row, false, v.fault(err)
	}
	return rows[0], true, nil
}

// one returns the first row that a query finds. When it finds none, the error is
// missing.
func one[R any](v *View, query *gorm.DB, missing error) (R, error) {
	row, found, err := first[R](v, query)
	if err == nil && !found {
		err = missing
	}
	return row, err
}
