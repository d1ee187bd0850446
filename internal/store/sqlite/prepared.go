package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
)

// statementsKept is how many prepared statements a connection keeps: lists of
// different lengths are different statements.
const statementsKept = 128

// statements are the prepared statements of a connection that nobody uses at the
// moment, by their text. GORM and database/sql keep some too, but prepare them anew
// in every transaction, and here nearly everything is one: for a small search that
// took a third of the time.
//
// A connection is used by one goroutine at a time, and so is this.
type statements struct {
	idle    map[string]*keptStatement
	clock   int64 // counts uses
	swollen bool  // a large value went through the connection
}

// driverStatement is what the driver's statements can do.
type driverStatement interface {
	sqldriver.Stmt
	sqldriver.StmtExecContext
	sqldriver.StmtQueryContext
	sqldriver.NamedValueChecker
	ClearBindings() error
}

// keptStatement goes back to its connection when it is closed.
type keptStatement struct {
	driverStatement
	query string
	home  *statements
	used  int64
}

// PrepareContext takes a statement that is kept, or prepares one.
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

// Close keeps the statement for the next who asks for it, with nothing of what it was
// given, also when it was given only a part. It ends it when there is another of the
// same text.
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

// Close ends the statements that are kept, and the connection.
func (s session) Close() error {
	var errs []error
	for _, k := range s.kept.idle {
		errs = append(errs, k.end())
	}
	return errors.Join(append(errs, s.driverConn.Close())...)
}
