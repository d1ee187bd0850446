package store_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// Each damage is done directly in the database, reported by its check only, and repaired.
func TestTheDoctorSeesAndMendsDamage(t *testing.T) {
	for i, damage := range []struct{ check, statement, only string }{
		{"messages without a conversation", "UPDATE messages SET conversation_id = '00000000-0000-7000-8000-000000000000' WHERE position = 0", ""},
		{"chunks without a conversation", "UPDATE chunks SET conversation_id = '00000000-0000-7000-8000-000000000000' WHERE position = 1", ""},
		{"embeddings without a conversation", "UPDATE embeddings SET conversation_id = '00000000-0000-7000-8000-000000000000' WHERE position = 1", ""},
		{"vectors without a passage", "DELETE FROM chunks WHERE position = 1", ""},
		{"passages without a vector", "DELETE FROM embeddings WHERE position = 1", ""},
		{"passages without a vector", "UPDATE chunks SET unreadable_by = '' WHERE position = 2", ""},
		{"wrong counters", "UPDATE conversations SET chunk_count = 99", ""},
		{"wrong counters", "UPDATE conversations SET unreadable_count = 0", ""},
		{"outdated indexes", "UPDATE conversations SET revision = revision + 1", ""},
		{"vectors of another model than recorded", "UPDATE conversations SET recipe_id = 0", ""},
		{"vectors of another model than recorded", "UPDATE embeddings SET model = 'another'", ""},
		{"vectors of another model than recorded", "UPDATE chunks SET unreadable_by = 'another' WHERE position = 2", ""},
		{"failed re-indexing", "UPDATE conversations SET recipe_id = 1, run_after = 9223372036854775807", ""},
		{"full-text index", "INSERT INTO chunks_fts (chunks_fts) VALUES ('delete-all')", storetest.SQLite},
	} {
		t.Run(fmt.Sprint(i, " ", damage.check), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db storetest.Database) {
				if damage.only != "" && damage.only != db.Kind {
					return // the other database has no such part
				}
				s := db.Open(t)
				adopt(t, s, testModel.ID)
				create(t, s, workspace(t, s, "w"), upload("a", "one", "two"))
				for _, c := range claim(t, s, 5) {
					require.NoError(t, finishAs(s, c, indexed(passage(0, []float32{1, 0, 0}, "alpha"), passage(1, []float32{1, 0, 0}, "beta"), unreadable(2, "gamma"))))
				}
				require.Empty(t, ill(t, s), "a healthy database")
				db.Break(t, damage.statement)
				require.Contains(t, ill(t, s), damage.check)
				require.NoError(t, s.Mend(ctx))
				require.Empty(t, ill(t, s), "after mending")
			})
		})
	}
}

func ill(t *testing.T, s *store.Store) (checks []string) {
	t.Helper()
	findings, err := s.Examine(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, findings)
	for _, f := range findings {
		if f.Count > 0 {
			checks = append(checks, f.Check)
		}
	}
	return checks
}

// FTS5 remembers the segments of an index from one query to the next. A check that uses segments which another
// connection has merged since would call a healthy index corrupt.
func TestTheDoctorIsNotMisledByAMerge(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		stop := make(chan struct{})
		var writer sync.WaitGroup
		t.Cleanup(writer.Wait)
		writer.Go(func() {
			defer close(stop) // a failure ends this goroutine, and with it the test
			for i := range 120 {
				id := added(t, s, ws, fmt.Sprint(i), "alpha beta").ID
				indexAs(t, s, id, indexed(passage(0, []float32{1, 0, 0}, "alpha", "beta", fmt.Sprint("w", i))))
				if i%3 == 0 {
					continue
				}
				remove(t, s, ws, id)
				if _, err := s.Reclaim(ctx, store.Reclaiming{}); err != nil {
					t.Error(err)
				}
			}
		})
		for examined := 0; ; examined++ {
			select {
			case <-stop:
				require.Positive(t, examined)
				return
			default:
				require.NotContains(t, ill(t, s), "full-text index")
				require.Empty(t, db.Damage(t))
			}
		}
	})
}
