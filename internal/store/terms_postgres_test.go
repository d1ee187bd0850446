package store_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// The migration stores the terms of a passage as the program does: repeated ones, far places, several scripts, and days,
// which count for their month too.
func TestTheMigrationStoresTermsAsTheProgramDoes(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, func(t *testing.T) {
		t.Parallel()
		db := storetest.New(t, storetest.Postgres)
		s := db.Open(t)
		ws := workspace(t, s, "w")
		terms := []string{"key", "植木", "it's", "key", "2023-05-08", "2023-05-08", "2023-05-31", "2023-05-draft", "1999-12-"}
		for i := range 200 {
			terms = append(terms, fmt.Sprint("word", i%150))
		}
		terms = append(terms, "key")
		migrated, empty := transcript(t, "migrated", "text"), transcript(t, "empty", "text")
		indexedAs(t, s, ws, migrated, terms)
		indexedAs(t, s, ws, empty, []string{})
		old := ""
		for _, term := range slices.Compact(slices.Sorted(slices.Values(terms))) {
			places := ""
			for i, other := range terms {
				if other == term {
					places += fmt.Sprint(",", i+1)
				}
			}
			old += fmt.Sprintf("$$1:%s$$:%s ", term, places[1:])
		}
		conn := db.Postgres(t)
		for _, back := range []string{
			"DELETE FROM secrets WHERE name = 'terms'", "DROP INDEX chunks_terms", "ALTER TABLE chunks DROP COLUMN counts", "ALTER TABLE chunks DROP COLUMN places",
			"ALTER TABLE chunks ALTER COLUMN terms TYPE tsvector USING CAST('' AS tsvector)",
			"CREATE INDEX chunks_terms ON chunks USING gin (terms)",
		} {
			_, err := conn.Exec(ctx, back)
			require.NoError(t, err, back)
		}
		_, err := conn.Exec(ctx, "UPDATE chunks SET terms = CAST(replace(replace($1, '''', ''''''), '$$', '''') AS tsvector) WHERE conversation_id = $2", old, migrated.ID)
		require.NoError(t, err)

		migration, err := os.ReadFile("postgres/migrations/0020_terms_as_numbers.sql")
		require.NoError(t, err)
		_, err = conn.PgConn().Exec(ctx, string(migration)).ReadAll()
		require.NoError(t, err)
		s = db.Open(t) // with the new key
		indexedAs(t, s, ws, transcript(t, "new", "text"), terms)
		rows := scan[string](t, s, "SELECT CAST((terms, counts, places) AS text) FROM chunks WHERE workspace_id = ? AND conversation_id <> ?", int64(ws), empty.ID)
		require.Len(t, rows, 2)
		require.Equal(t, rows[0], rows[1])
		require.Greater(t, len(rows[0]), 1000)
		require.Len(t, keyword(t, s, ws, chat.Filter{}, "it's", "植木"), 2)
		found, err := s.View(ctx).SearchKeyword(ws, store.Words{Days: []store.Day{{Term: "1999-12-", Prefix: true, Weight: 1}}}, chat.Filter{})
		require.NoError(t, err)
		require.Len(t, found.Passages, 2)
	})
}
