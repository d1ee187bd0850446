package store

import (
	"database/sql"

	"gorm.io/gorm"
)

// Pools are a store's connection pools: the writers' and the readers', or the one
// that both share.
func Pools(s *Store) []*sql.DB { return s.pools() }

// DB is the writers' handle, to look at the tables as they are.
func DB(s *Store) *gorm.DB { return s.write }

// Handle is what a view asks through, to run a statement of a test's own.
func Handle(v *View) *gorm.DB { return v.db }

// FaultOf turns what a statement of a test's own returned into a fault.
func FaultOf(v *View, err error) error { return v.fault(err) }
