package sqlite

import (
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"
)

// A statement is not prepared again for other values, even if SQLite has statistics by which another plan might suit
// them better.
func TestStatementsAreNotPreparedAgainForOtherValues(t *testing.T) {
	d := openFile(t)
	for _, statement := range []string{
		"CREATE TABLE words (word TEXT, often INTEGER)", "CREATE INDEX words_word ON words (word)", "CREATE INDEX words_often ON words (often)",
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO words SELECT 'w' || (i % 7), i % 500 FROM n",
		"ANALYZE",
	} {
		require.NoError(t, d.write.Exec(statement).Error)
	}
	pool, err := d.read.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1) // the one that is asked about
	for i := range 20 {
		var n int
		require.NoError(t, d.read.Raw("SELECT count(*) FROM words WHERE word >= ? AND often < ?", "w3", i*25).Scan(&n).Error)
	}
	conn, err := pool.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	require.NoError(t, conn.Raw(func(driver any) error {
		kept := driver.(session).kept.idle //nolint:forcetypeassert // a reader is not watched
		require.NotEmpty(t, kept)
		for query, k := range kept {
			again := k.driverStatement.(interface { //nolint:forcetypeassert // it is the driver's own
				Status(op sqlite3.StmtStatus, reset bool) int
			}).Status(sqlite3.STMTSTATUS_REPREPARE, false)
			require.Zero(t, again, query)
		}
		return nil
	}))
}
