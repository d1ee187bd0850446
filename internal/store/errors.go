package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// fault turns a database's error into one with a kind; faults pass unchanged.
func (s *Store) fault(err error) error { return faultOf(s.database, err) }

func (v *View) fault(err error) error { return faultOf(v.database, err) }

func faultOf(errs dialect.Errors, err error) error {
	var known *fault.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Canceled, err, "the request was canceled or took too long")
	}
	if f := errs.Fault(err); f != nil {
		return f
	}
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		return fault.Wrap(fault.Conflict, err, "what this belongs to was deleted meanwhile")
	}
	return fault.Wrap(fault.Internal, err, "the database refused")
}
