package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// openFile opens an empty file.
func openFile(t *testing.T) *Database {
	t.Helper()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "lethe.db"), Options{Create: true}, dialect.Config{Now: time.Now, Patience: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// keptStatements are the prepared statements that the one connection of a pool keeps,
// with the values that are bound to them.
func keptStatements(t *testing.T, pool *sql.DB) (list []string) {
	t.Helper()
	conn, err := pool.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	require.NoError(t, conn.Raw(func(driver any) error {
		s, ok := driver.(session)
		if w, writes := driver.(*watched); writes {
			s, ok = w.session, true
		}
		require.True(t, ok)
		for _, k := range s.kept.idle {
			list = append(list, k.driverStatement.(interface{ ExpandedSQL() string }).ExpandedSQL())
		}
		return nil
	}))
	return list
}

// A statement is prepared once a connection, also in transactions, and keeps nothing
// of the values that it was given.
func TestStatementsAreKept(t *testing.T) {
	ctx := context.Background()
	d := openFile(t)
	require.NoError(t, d.write.Exec("CREATE TABLE texts (text)").Error)
	for name, handle := range map[string]*gorm.DB{"write": d.write, "read": d.read} {
		t.Run(name, func(t *testing.T) {
			pool, err := handle.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(1) // the one that is asked about
			use := func() {
				require.NoError(t, handle.Transaction(func(db *gorm.DB) error {
					var n int
					return db.Raw("SELECT count(*) FROM texts WHERE text = ?", "asecret").Scan(&n).Error
				}))
			}
			use()
			first := keptStatements(t, pool)
			require.NotEmpty(t, first)
			use()
			require.Len(t, keptStatements(t, pool), len(first))
			require.NotContains(t, strings.Join(keptStatements(t, pool), "\n"), "asecret")
			for n := range 2 * statementsKept {
				_, err := pool.ExecContext(ctx, fmt.Sprintf("SELECT ? + %d", n), "asecret")
				require.NoError(t, err)
			}
			kept := keptStatements(t, pool)
			require.Len(t, kept, statementsKept)
			require.Contains(t, kept, fmt.Sprintf("SELECT NULL + %d", 2*statementsKept-1), "the last ones are kept")
			require.NotContains(t, kept, "SELECT NULL + 0")
		})
	}
}
