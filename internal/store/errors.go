package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
)

// errReadersLeft says that somebody still reads a state from before.
var errReadersLeft = fault.New(fault.Unavailable, "somebody still reads the database as it was before the last deletes; their storage can be reclaimed when that has ended")

// fault turns a database's error into one with a kind; faults pass unchanged.
func (s *Store) fault(err error) error { return faultOf(s.dialect, err) }

func (v *View) fault(err error) error { return faultOf(v.dialect, err) }

func faultOf(d dialect, err error) error {
	var known *fault.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Canceled, err, "the request was canceled or took too long")
	}
	if f := d.fault(err); f != nil {
		return f
	}
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		return fault.Wrap(fault.Conflict, err, "what this belongs to was deleted meanwhile")
	}
	return fault.Wrap(fault.Internal, err, "the database refused")
}
