package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
)

// largeValue is how many bytes of a statement's values a connection forgives. Each
// connection has a memory of its own, in which a value is copied more than once, and
// which never shrinks: a connection that was given more is closed after its
// transaction, and the next one begins small.
const largeValue = 4 << 20

// ExecContext executes the statement, and remembers a large value.
func (k *keptStatement) ExecContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	k.weigh(args)
	return k.driverStatement.ExecContext(ctx, args)
}

// QueryContext executes the statement, and remembers a large value.
func (k *keptStatement) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	k.weigh(args)
	return k.driverStatement.QueryContext(ctx, args)
}

func (k *keptStatement) weigh(args []sqldriver.NamedValue) {
	bytes := 0
	for _, arg := range args {
		switch value := arg.Value.(type) {
		case string:
			bytes += len(value)
		case []byte:
			bytes += len(value)
		}
	}
	if bytes > largeValue {
		k.home.swollen = true
	}
}
