package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// An older program does not change a database that a newer version has used, and says why.
func TestAnOlderProgramOnANewerSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		require.NoError(t, db.Open(t).Close())
		require.Equal(t, 9999, db.Count(t, "INSERT INTO schema_migrations (version_id, is_applied) VALUES (9999, true) RETURNING version_id"))
		before := db.Rows(t)
		for _, command := range [][]string{
			{"serve"},
			{"keys", "create", "--workspace", "w", "--name", "n", "--scopes", "read"},
		} {
			var stdout, stderr strings.Builder
			code := run(t.Context(), command, append(db.Environ(), "LETHE_ADDR=127.0.0.1:0", "LETHE_LOG_LEVEL=error"), &stdout, &stderr)
			require.Equal(t, exitFailure, code)
			require.Empty(t, stdout.String())
			require.Regexp(t, `^lethe: the database has schema version 9999, this program knows up to \d+: `+
				`a newer Lethe has used it; start that version or a later one\n$`, stderr.String())
		}
		require.Equal(t, before, db.Rows(t))
	})
}
