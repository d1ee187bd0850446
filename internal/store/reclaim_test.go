package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A transaction that reads an older state keeps deleted rows, in SQLite's log and in
// PostgreSQL's tables. Until it ends, no receipt says that the storage is reclaimed.
func TestAReaderFromBeforeHoldsBackTheReceipt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, reading := db.Open(t), db.Open(t)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "one").ID
		require.NoError(t, reading.Snapshot(ctx, func(v *store.View) error {
			n, err := v.Count(ws)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Len(t, remove(t, s, ws, id), 1)
			for _, full := range []bool{false, true} {
				impatient, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
				settled, err := s.Reclaim(impatient, store.Reclaiming{Full: full})
				cancel()
				require.Error(t, err)
				require.Zero(t, settled)
			}
			return nil
		}))
		left, err := s.Unreclaimed(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, left.Deletes)
		settled, err := s.Reclaim(ctx, store.Reclaiming{})
		require.NoError(t, err)
		require.Equal(t, 1, settled)
	})
}

// PostgreSQL's planner samples every column by default, and keeps the samples where
// deletes do not reach them. So every column that can contain users' text switches this
// off; those listed here contain none.
func TestThePlannerSamplesNoTexts(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, thePlannerSamplesNoTexts)
}

func thePlannerSamplesNoTexts(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.Postgres)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	create(t, s, ws, upload("x", "one"))
	indexAs(t, s, list(t, s, ws, chat.Filter{})[0], indexed(passage(0, []float32{1, 0, 0}, "alpha")))
	require.NoError(t, s.BuildVectorIndex(ctx, store.VectorSpace{Workspace: ws, Model: testModel.ID, Dimensions: testModel.Dimensions}))
	harmless := []string{
		// The planner needs statistics of these.
		"conversations.external_id", "conversations.platform", "embeddings.model", "chunks.unreadable_by", "recipes.model", "imports.platform", "platforms.platform",
		"conversations.index_state", "conversations.index_error", "current_recipe.settings", "messages.sender", "imports.kind", "imports.state",
		// The operator gives these names; they are not from conversations.
		"api_keys.name", "api_keys.prefix", "api_keys.hash", "api_keys.scopes", "api_keys.sender_style", "platforms.display_name", "workspaces.name",
		// Hashes and keys.
		"deletions.key_id", "secrets.name", "secrets.value", "ledger_state.ledger", "ledger_outbox.hash", "tombstones.conversation_hash", "tombstones.external_hash",
		"message_tombstones.external_hash", "message_tombstones.message_hash", "message_tombstones.id_hash", "message_tombstones.words_hash", "message_tombstones.title_hash",
		"idempotency_keys.key_id", "idempotency_keys.key_hash", "idempotency_keys.request_hash", "idempotent_uploads.key_id", "idempotent_uploads.key_hash",
		"idempotency_keys.deleted", // bits
	}
	sampled := scan[string](t, s, `SELECT DISTINCT regexp_replace(c.relname, '_(p\d+|ann_.*)$', '') || '.' || a.attname
		FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
		WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND a.attnum > 0 AND NOT a.attisdropped
			AND CAST(CAST(a.atttypid AS regtype) AS text) IN ('text', 'bytea', 'integer[]', 'sparsevec', 'vector', 'halfvec', 'json', 'jsonb')
			AND (c.relkind IN ('r', 'p') OR starts_with(c.relname, 'embeddings_ann_')) AND coalesce(a.attstattarget, -1) <> 0
		ORDER BY 1`)
	require.Subset(t, harmless, sampled, "SET STATISTICS 0 on the column, as migration 4 does, or list it here with the reason")
}

// An interrupted rebuild of an index leaves an invalid one, which the next rebuild
// removes.
func TestARebuildRemovesWhatAnotherHasLeft(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, aRebuildRemovesWhatAnotherHasLeft)
}

func aRebuildRemovesWhatAnotherHasLeft(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.Postgres)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	id := added(t, s, ws, "x", "one").ID
	indexAll(t, s, []string{"alpha"})
	conn := db.Postgres(t)
	table := scan[string](t, s, "SELECT CAST(CAST(tableoid AS regclass) AS text) FROM chunks WHERE workspace_id = ?", int64(ws))[0]
	for _, statement := range []string{
		"CREATE INDEX chunks_terms_ccnew ON " + table + " USING gin (terms)",
		"UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST('chunks_terms_ccnew' AS regclass)",
	} {
		_, err := conn.Exec(ctx, statement)
		require.NoError(t, err)
	}
	require.NotEmpty(t, ill(t, s))
	remove(t, s, ws, id)
	_, err := s.Reclaim(ctx, store.Reclaiming{})
	require.NoError(t, err)
	require.Equal(t, []string{"chunks_terms"}, scan[string](t, s, "SELECT CAST(relname AS text) FROM pg_class WHERE starts_with(relname, 'chunks_terms')"))
	require.Empty(t, ill(t, s))
}
