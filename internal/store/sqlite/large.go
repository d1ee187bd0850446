package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
)

// largeValue is how many bytes of values a connection may receive and stay open. Each
// connection has its own memory, which copies a value more than once and never shrinks. A
// connection that received more is closed after its transaction.
const largeValue = 4 << 20

// ExecContext executes the statement and notes a large value.
func (k *keptStatement) ExecContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	k.weigh(args)
	return k.driverStatement.ExecContext(ctx, args)
}

// QueryContext executes the query and notes a large value.
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
