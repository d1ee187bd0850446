package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

// statementsKept is how many prepared statements a connection keeps. Lists of different
// lengths are different statements.
const statementsKept = 128

// statements are the unused prepared statements of a connection, by their text. GORM and
// database/sql keep some too, but prepare them again in every transaction, and nearly
// everything here is a transaction: preparing took a third of a small search.
//
// Like its connection, it is used by one goroutine at a time.
type statements struct {
	idle    map[string]*keptStatement
	clock   int64 // the number of uses
	swollen bool  // the connection has received a large value
}

// driverStatement is the interface of the driver's statements.
type driverStatement interface {
	sqldriver.Stmt
	sqldriver.StmtExecContext
	sqldriver.StmtQueryContext
	sqldriver.NamedValueChecker
	ClearBindings() error
}

// keptStatement returns to its connection when it is closed.
type keptStatement struct {
	driverStatement
	query string
	home  *statements
	used  int64
}

// PrepareContext returns a kept statement, or prepares a new one.
func (s session) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	s.kept.clock++
	if statement, ok := s.kept.idle[query]; ok {
		delete(s.kept.idle, query)
		statement.used = s.kept.clock
		return statement, nil
	}
	prepared, err := s.driverConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &keptStatement{prepared.(driverStatement), query, s.kept, s.kept.clock}, nil //nolint:forcetypeassert // it is the driver's own
}

// Close clears the statement's values and keeps it for its next use. If another statement
// with the same text is kept, it closes this one.
func (k *keptStatement) Close() error {
	if k.home.idle[k.query] != nil {
		return k.driverStatement.Close()
	}
	if err := k.ClearBindings(); err != nil {
		return errors.Join(err, k.driverStatement.Close())
	}
	k.home.idle[k.query] = k
	if len(k.home.idle) <= statementsKept {
		return nil
	}
	return k.home.longestUnused().end()
}

func (s *statements) longestUnused() (oldest *keptStatement) {
	for _, k := range s.idle {
		if oldest == nil || k.used < oldest.used {
			oldest = k
		}
	}
	return oldest
}

func (k *keptStatement) end() error {
	delete(k.home.idle, k.query)
	return k.driverStatement.Close()
}

// Close closes the kept statements and the connection.
func (s session) Close() error {
	var errs []error
	for _, k := range s.kept.idle {
		errs = append(errs, k.end())
	}
	return errors.Join(append(errs, s.driverConn.Close())...)
}
