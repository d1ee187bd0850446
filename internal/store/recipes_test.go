package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// otherModel is the model after a change.
var otherModel = embed.Model{ID: "other", Dimensions: 3}

// adopt starts a service with a model.
func adopt(t testing.TB, s *store.Store, model string) (a store.Adoption) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		a, err = tx.AdoptRecipe(store.Recipe{Model: model}, "")
		return err
	})
	return a
}

// claimBehind claims what is behind, for a service with a model.
func claimBehind(t testing.TB, s *store.Store, model string) (claims []store.Claim) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		claims, err = tx.ClaimBehind(store.Recipe{Model: model}, lease)
		return err
	})
	return claims
}

func claimOneBehind(t testing.TB, s *store.Store, model string) store.Claim {
	t.Helper()
	claims := claimBehind(t, s, model)
	require.Len(t, claims, 1)
	return claims[0]
}

func complete(t testing.TB, s *store.Store, model string) (done store.Completion, ok bool) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		done, ok, err = tx.CompleteRecipe(store.Recipe{Model: model})
		return err
	})
	return done, ok
}

// reindexed is the result of another model for the three passages of readyOnes: it cannot read the first one, but can
// read the last one.
func reindexed(model embed.Model) store.Indexed {
	x := indexed()
	x.Model = model
	x.Kept = []store.KeptChunk{
		{Terms: 1, Unreadable: true, Renewed: true}, {Terms: 1, Vector: []float32{0, 1, 0}, Renewed: true}, {Terms: 1, Vector: []float32{0, 0, 1}, Renewed: true},
	}
	return x
}

// readyOnes indexes n conversations with testModel, which can read two of their three
// passages, and returns their ids.
func readyOnes(t testing.TB, s *store.Store, ws chat.WorkspaceID, n int) (ids []chat.ConversationID) {
	t.Helper()
	for i := range n {
		ids = append(ids, added(t, s, ws, fmt.Sprint("c", i), "one", "two").ID)
		require.NoError(t, finishAs(s, claimOne(t, s), indexed(passage(0, []float32{1, 0, 0}, "alpha"), passage(1, []float32{1, 0, 0}, "beta"), unreadable(2, "gamma"))))
	}
	return ids
}

func embedding(t testing.TB, s *store.Store, ws chat.WorkspaceID) chat.Embedding {
	t.Helper()
	return stats(t, s, ws).Embedding
}

// nearestTo returns the conversations that a search with a model finds.
func nearestTo(t testing.TB, s *store.Store, ws chat.WorkspaceID, model embed.Model) (ids []chat.ConversationID) {
	t.Helper()
	found, err := s.View(ctx).SearchSemantic(ws, model, []float32{1, 1, 1}, chat.Filter{})
	require.NoError(t, err)
	for _, hit := range found {
		ids = append(ids, hit.Key.Conversation)
	}
	return ids
}

func TestAChangeOfModel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws, neighbor := workspace(t, s, "w"), workspace(t, s, "neighbor")
		require.Equal(t, store.Adoption{Changed: true}, adopt(t, s, testModel.ID), "the first start")
		ids := readyOnes(t, s, ws, 3)
		require.Equal(t, store.Adoption{Before: store.Recipe{Model: testModel.ID}}, adopt(t, s, testModel.ID), "another start")
		require.Equal(t, chat.Embedding{Model: testModel.ID}, embedding(t, s, ws))
		_, ok := complete(t, s, testModel.ID)
		require.False(t, ok, "there was nothing to complete")
		require.Empty(t, claimBehind(t, s, testModel.ID))

		now.Advance(time.Hour)
		require.Equal(t, store.Adoption{Changed: true, Before: store.Recipe{Model: testModel.ID}, Conversations: 3}, adopt(t, s, otherModel.ID))
		require.Equal(t, chat.Embedding{Model: otherModel.ID, Pending: 3, Unused: 6}, embedding(t, s, ws))
		require.Equal(t, chat.Embedding{Model: otherModel.ID}, embedding(t, s, neighbor))
		require.Equal(t, []string{"3 left to re-index with other"}, notes(t, s))
		require.Empty(t, ill(t, s), "a change that goes on is nothing wrong")
		require.Empty(t, claim(t, s, 10), "nothing waits in the queue")
		require.Empty(t, claimBehind(t, s, testModel.ID), "a service with the old model re-indexes nothing")

		for i, id := range ids {
			c := claimOneBehind(t, s, otherModel.ID)
			require.Equal(t, []any{id, true}, []any{c.Conversation, c.Behind}, "whichever waited longest")
			require.Equal(t, chat.Ready, state(t, s, ws, id).IndexState, "it stays ready")
			made, err := s.View(ctx).MadeBy(c)
			require.NoError(t, err)
			require.Equal(t, store.Recipe{Model: testModel.ID}, made)
			require.Len(t, nearestTo(t, s, ws, testModel), 2*(3-i))
			require.Len(t, nearestTo(t, s, ws, otherModel), 2*i)
			_, ok := complete(t, s, otherModel.ID)
			require.False(t, ok)

			words := "SELECT CAST(terms AS text) || CAST(places AS text) FROM chunks WHERE workspace_id > 0 ORDER BY 1"
			if db.Kind == storetest.SQLite { // a rewritten row has another row number
				words = "SELECT id || ' ' || hex(sz) FROM chunks_fts_docsize ORDER BY 1"
			}
			before := scan[string](t, s, words)
			require.NoError(t, finishAs(s, c, reindexed(otherModel)))
			requireLost(t, s, c)
			require.Equal(t, before, scan[string](t, s, words))
			require.Equal(t, chat.Embedding{Model: otherModel.ID, Pending: 2 - i, Unused: 2 * (2 - i)}, embedding(t, s, ws))
			requireSound(t, db)
		}
		require.Empty(t, claimBehind(t, s, otherModel.ID))
		now.Advance(time.Minute)
		done, ok := complete(t, s, otherModel.ID)
		require.True(t, ok)
		require.Equal(t, store.Completion{Conversations: 3, Took: time.Minute}, done)
		_, ok = complete(t, s, otherModel.ID)
		require.False(t, ok, "it is told once")

		require.Empty(t, nearestTo(t, s, ws, testModel))
		require.Zero(t, db.Count(t, "SELECT count(*) FROM embeddings WHERE model <> 'other'"))
		require.Zero(t, db.Count(t, "SELECT count(*) FROM chunks WHERE unreadable_by NOT IN ('', 'other')"))
		require.Empty(t, ill(t, s))
		require.Empty(t, notes(t, s))
		sum := stats(t, s, ws)
		require.Equal(t, []int{9, 6, 3}, []int{sum.Chunks, sum.Embeddings, sum.Unreadable})
	})
}

// notes returns what the doctor reports although nothing is wrong.
func notes(t *testing.T, s *store.Store) (said []string) {
	t.Helper()
	findings, err := s.Examine(ctx)
	require.NoError(t, err)
	for _, f := range findings {
		if f.Note != "" {
			said = append(said, f.Note)
		}
	}
	return said
}

// A claim of a conversation that is behind is lost in the same cases as others.
func TestReindexingFollowsTheRulesOfTheQueue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws := workspace(t, s, "w")
		adopt(t, s, testModel.ID)
		ids := readyOnes(t, s, ws, 3)
		adopt(t, s, otherModel.ID)

		one := claimOneBehind(t, s, otherModel.ID)
		for range 2 {
			require.NotEqual(t, one.Conversation, claimOneBehind(t, s, otherModel.ID).Conversation)
		}
		require.Empty(t, claimBehind(t, s, otherModel.ID), "all are held")
		now.Advance(lease - time.Microsecond)
		inTx(t, s, func(tx *store.Tx) error { return tx.Extend(one, lease) })
		now.Advance(time.Microsecond)
		two := claimOneBehind(t, s, otherModel.ID) // its lease has ended
		require.Equal(t, 2, two.Attempt)
		require.NotEqual(t, one.Conversation, two.Conversation)

		inTx(t, s, func(tx *store.Tx) error { return tx.Retry(two, time.Hour, "the embedder is away") })
		requireLost(t, s, claimed(two, 1))
		c := state(t, s, ws, two.Conversation)
		require.Equal(t, []any{chat.Ready, ""}, []any{c.IndexState, c.IndexError}, "what is ready shows no error")
		require.Equal(t, 3, embedding(t, s, ws).Pending)

		// An upload replaces the claim.
		merge(t, s, ws, upload("c0", "one", "two", "three"))
		requireLost(t, s, one)
		fresh := claimOne(t, s)
		require.Equal(t, []any{ids[0], false}, []any{fresh.Conversation, fresh.Behind})
		require.Equal(t, 2, embedding(t, s, ws).Pending, "what waits in the queue is no part of it")
		require.NoError(t, finishAs(s, fresh, reindexed(otherModel)))

		// What failed with the old model is queued again before the change ends.
		require.NotEmpty(t, merged(merge(t, s, ws, upload("c1", "one", "two", "three"))))
		failing := claimOne(t, s)
		old := indexed(passage(2, nil, "gamma"))
		kept := store.KeptChunk{Terms: 1, Vector: []float32{1, 0, 0}}
		old.Kept = []store.KeptChunk{kept, kept}
		inTx(t, s, func(tx *store.Tx) error { return tx.FailIndexing(failing, old, "why") })
		now.Advance(2 * time.Hour)
		last := claimOneBehind(t, s, otherModel.ID)
		require.Equal(t, ids[2], last.Conversation)

		// Conversations that were given up are reported, and queued when a setting
		// changes.
		inTx(t, s, func(tx *store.Tx) error { return tx.GiveUp(last) })
		requireLost(t, s, claimed(last, 99))
		require.Equal(t, chat.Embedding{Model: otherModel.ID, Failed: 1, Unused: 4}, embedding(t, s, ws))
		left, err := s.View(ctx).Behind()
		require.NoError(t, err)
		require.Equal(t, chat.Embedding{Model: otherModel.ID, Failed: 1}, left)
		require.Empty(t, claimBehind(t, s, otherModel.ID))
		_, ok := complete(t, s, otherModel.ID)
		require.False(t, ok)
		require.Equal(t, failing.Conversation, claimOne(t, s).Conversation, "it was queued again")
		require.False(t, adopt(t, s, otherModel.ID).Changed)
		require.Empty(t, claimBehind(t, s, otherModel.ID), "a start changes nothing")
		inTx(t, s, func(tx *store.Tx) error {
			adopted, err := tx.AdoptRecipe(store.Recipe{Model: otherModel.ID}, "another server")
			require.Equal(t, store.Adoption{Before: store.Recipe{Model: otherModel.ID}}, adopted)
			return err
		})
		again := claimOneBehind(t, s, otherModel.ID)
		require.Equal(t, []any{last.Conversation, 1}, []any{again.Conversation, again.Attempt})
		require.NotEmpty(t, remove(t, s, ws, last.Conversation))
		requireLost(t, s, again)
		requireSound(t, db)
	})
}

// claimed is the claim of another attempt.
func claimed(c store.Claim, attempt int) store.Claim {
	c.Attempt = attempt
	return c
}

func merged(c chat.Conversation, _ chat.Merged) chat.ConversationID { return c.ID }

// A worker that comes back after others have changed the recipe twice has lost its claim, although attempt and
// revision look the same: the chunks that it would keep may be those of another worker.
func TestAClaimKnowsWhatItWasMadeBy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws := workspace(t, s, "w")
		adopt(t, s, testModel.ID)
		readyOnes(t, s, ws, 1)
		adopt(t, s, otherModel.ID)
		stale := claimOneBehind(t, s, otherModel.ID)
		now.Advance(lease)
		require.NoError(t, finishAs(s, claimOneBehind(t, s, otherModel.ID), reindexed(otherModel)))
		adopt(t, s, testModel.ID)
		now.Advance(time.Second)
		held := claimOneBehind(t, s, testModel.ID)
		require.Equal(t, []any{stale.Revision, stale.Attempt}, []any{held.Revision, held.Attempt})
		require.ErrorIs(t, finishAs(s, stale, reindexed(otherModel)), store.ErrClaimLost)
		require.NoError(t, finishAs(s, held, reindexed(testModel)))
		requireSound(t, db)
	})
}

// Without an embedder the vectors are kept, and new conversations are embedded when there
// is one again.
func TestNoEmbedderForAWhile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		adopt(t, s, testModel.ID)
		readyOnes(t, s, ws, 2)
		require.Equal(t, store.Adoption{Changed: true, Before: store.Recipe{Model: testModel.ID}}, adopt(t, s, embed.NoneModel))
		require.Equal(t, chat.Embedding{Model: embed.NoneModel, Unused: 4}, embedding(t, s, ws))
		require.Empty(t, claimBehind(t, s, embed.NoneModel))
		meanwhile := added(t, s, ws, "meanwhile", "text").ID
		x := indexed(unreadable(0, "delta"))
		x.Model = embed.Model{ID: embed.NoneModel}
		require.NoError(t, finishAs(s, claimOne(t, s), x))

		require.Equal(t, 1, adopt(t, s, testModel.ID).Conversations)
		require.Equal(t, chat.Embedding{Model: testModel.ID, Pending: 1}, embedding(t, s, ws))
		require.Equal(t, meanwhile, claimOneBehind(t, s, testModel.ID).Conversation)

		adopt(t, s, embed.NoneModel)
		inTx(t, s, func(tx *store.Tx) error {
			_, err := tx.AdoptRecipe(store.Recipe{Model: embed.NoneModel, Passages: 1}, "")
			return err
		})
		require.Equal(t, chat.Embedding{Model: embed.NoneModel, Pending: 3, Unused: 4}, embedding(t, s, ws), "chunks are re-indexed in any case")
		requireSound(t, db)
	})
}

// After the migration of a database without recipes, each conversation has the model that
// embedded it.
func TestRecipesOfAnOldDatabase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		for _, id := range []string{"first", "second", "unread", "bare", "half", "waiting"} {
			added(t, s, ws, id, "text")
		}
		for i, x := range []store.Indexed{
			indexed(passage(0, []float32{1, 0, 0}, "alpha"), unreadable(1, "beta")),
			{Model: otherModel, Chunks: []store.IndexedChunk{passage(0, []float32{1, 0, 0}, "alpha")}},
			indexed(unreadable(0, "beta")),
			indexed(passage(0, nil, "delta")), // as older versions stored it, which did not record unreadable texts
			indexed(passage(0, []float32{1, 0, 0}, "alpha"), passage(1, nil, "delta")),
		} {
			require.NoError(t, finishAs(s, claimOne(t, s), x), i)
		}
		undone := []string{
			"DROP INDEX conversations_holder", "DROP INDEX conversations_words", "DROP INDEX conversations_vectors", "ALTER TABLE conversations DROP COLUMN holder",
			"DROP INDEX conversations_recipe", "ALTER TABLE conversations DROP COLUMN recipe_id", "DROP TABLE recipes", "DROP TABLE current_recipe",
			"DROP INDEX conversations_last_import", "ALTER TABLE conversations DROP COLUMN last_import_id",
			"DROP INDEX imports_conversation", "ALTER TABLE imports DROP COLUMN conversation_id",
		}
		for _, column := range []string{"conversations DROP COLUMN archived", "conversations DROP COLUMN starred", "conversations DROP COLUMN project",
			"conversations DROP COLUMN link", "conversations DROP COLUMN delivered", "api_keys DROP COLUMN sender_style", "messages DROP COLUMN inferred", "messages DROP COLUMN files"} {
			undone = append(undone, "ALTER TABLE "+column)
		}
		undone = append(undone, "DROP TABLE message_tombstones", "DROP TABLE ledger_state", "DROP TABLE ledger_outbox", "DROP INDEX imports_running", "DROP INDEX imports_empty",
			"DROP TABLE idempotent_uploads", "DROP TABLE idempotency_keys")
		for _, column := range []string{
			"state", "reason", "platforms", "file_name", "file_size", "format", "bytes_read", "new_count", "updated_count", "unchanged_count",
			"deleted_count", "excluded_count", "failed_count", "report", "restores", "part", "holder", "seen_at", "ended_at",
		} {
			undone = append(undone, "ALTER TABLE imports DROP COLUMN "+column)
		}
		if db.Kind == storetest.Postgres { // later migrations
			undone = append(undone, "ALTER TABLE chunks DROP COLUMN parts", "ALTER TABLE chunks RENAME COLUMN text_sum TO text",
				"ALTER TABLE chunks ALTER COLUMN text TYPE text USING 'text'", "DELETE FROM secrets WHERE name = 'terms'",
				"DROP INDEX chunks_terms", "ALTER TABLE chunks DROP COLUMN counts", "ALTER TABLE chunks DROP COLUMN places",
				"ALTER TABLE chunks ALTER COLUMN terms TYPE tsvector USING CAST('alpha' AS tsvector)", "CREATE INDEX chunks_terms ON chunks USING gin (terms)")
		}
		if db.Kind == storetest.SQLite {
			undone = append(undone, "DROP TRIGGER chunks_fts_delete", "DROP TABLE chunks_fts", "ALTER TABLE chunks DROP COLUMN parts", "ALTER TABLE chunks DROP COLUMN text_sum",
				"ALTER TABLE chunks ADD COLUMN text TEXT NOT NULL DEFAULT 'text'", "ALTER TABLE chunks ADD COLUMN terms TEXT NOT NULL DEFAULT 'term'",
				"CREATE VIRTUAL TABLE chunks_fts USING fts5 (terms, content = 'chunks', content_rowid = 'id')",
				"CREATE TRIGGER chunks_fts_insert AFTER INSERT ON chunks BEGIN SELECT 1; END", "CREATE TRIGGER chunks_fts_delete AFTER DELETE ON chunks BEGIN SELECT 1; END",
				"CREATE TRIGGER chunks_fts_update AFTER UPDATE ON chunks BEGIN SELECT 1; END")
			undone = append(undone, "DROP TRIGGER embeddings_insert", "DROP TRIGGER embeddings_delete", "DROP TRIGGER embeddings_update", "DROP TABLE vector_version")
		}
		for _, back := range undone {
			_, err := store.Pools(s)[0].Exec(back)
			require.NoError(t, err)
		}
		_, err := store.Pools(s)[0].Exec("DELETE FROM schema_migrations WHERE version_id >= 6")
		require.NoError(t, err)

		s = db.Open(t)
		require.Equal(t, []string{"bare ", "first test", "half ", "second other", "unread test"}, scan[string](t, s,
			`SELECT c.external_id || ' ' || r.model FROM conversations AS c JOIN recipes AS r ON r.id = c.recipe_id WHERE c.workspace_id > 0 ORDER BY 1`))
		require.Equal(t, 1, db.Count(t, "SELECT count(*) FROM conversations WHERE recipe_id = 0"), "it has no passages yet")
		for _, sum := range scan[int64](t, s, "SELECT text_sum FROM chunks WHERE workspace_id > 0") {
			require.Equal(t, store.TextSum("text"), sum, "the migration computes what the program does")
		}
		inTx(t, s, func(tx *store.Tx) error {
			adopted, err := tx.AdoptRecipe(store.Recipe{Model: testModel.ID, Passages: 1}, "")
			require.Equal(t, 3, adopted.Conversations)
			return err
		})
		require.Equal(t, 3, embedding(t, s, ws).Pending)
		requireSound(t, db)
	})
}

// The query for conversations that are behind reads no other conversation.
func TestWhatIsBehindIsFoundByItsIndex(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.SQLite).Open(t)
	for _, query := range []string{
		"SELECT rowid FROM conversations WHERE recipe_id = 5 AND recipe_id > 0 AND run_after <= 7 AND index_state = 'ready' ORDER BY run_after LIMIT 1",
		"SELECT count(*) FROM conversations WHERE recipe_id IN (5, 6) AND recipe_id > 0",
	} {
		var plan []struct{ Detail string }
		require.NoError(t, store.DB(s).Raw("EXPLAIN QUERY PLAN "+query).Scan(&plan).Error)
		require.Len(t, plan, 1, "%v: no sorting", plan)
		require.Contains(t, plan[0].Detail, "conversations_recipe")
	}
}
