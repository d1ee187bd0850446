package indexer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// Where the workspaces are on several servers, an upload wakes a worker that asks only the
// server of its workspace. All servers are asked at the start, and then rarely.
func TestAnUploadAsksTheServerOfItsWorkspace(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, func(t *testing.T) {
		w := newWorks(t, storetest.New(t, storetest.Postgres).LikeCitus(t))
		s, looks := w.tracing("SELECT workspace_id FROM conversations WHERE index_state")
		before := w.add("before", "left by another program")
		x := w.start(indexer.Options{Store: s, Poll: time.Hour, Workers: 1})
		w.expect(before, 1, "ready")
		require.NotEmpty(t, looks)
		w.history = history.New(history.Options{Store: w.store, Embedder: w.embedder, Wake: x.WakeIn})
		for len(looks) > 0 {
			<-looks
		}
		for _, id := range []string{"a", "b", "c"} {
			w.expect(w.add(id, "text of "+id), 1, "ready")
		}
		require.Empty(t, looks, "no other server was asked")

		// What nobody was woken for is found by asking all, which a program does that takes over.
		w.history = history.New(history.Options{Store: w.store, Embedder: w.embedder})
		late := w.add("late", "nobody is told")
		x.WakeIn(0)
		w.expect(late, 1, "ready")
		x.stop()
	})
}

// A workspace whose server does not answer does not keep others from being indexed.
func TestAFailedClaimDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, func(t *testing.T) {
		w := newWorks(t, storetest.New(t, storetest.Postgres).LikeCitus(t))
		var away chat.WorkspaceID
		require.NoError(t, w.store.InTx(t.Context(), func(tx *store.Tx) (err error) {
			away, err = tx.EnsureWorkspace("away")
			return err
		}))
		mine := w.ws
		w.ws = away
		w.add("x", "on the server that is down")
		_, err := w.db.Postgres(t).Exec(t.Context(), `CREATE FUNCTION no_answer() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN RAISE EXCEPTION 'connection to the remote node failed' USING ERRCODE = '08006'; END $$`)
		require.NoError(t, err)
		_, err = w.db.Postgres(t).Exec(t.Context(), `CREATE TRIGGER down BEFORE UPDATE ON conversations FOR EACH ROW
			WHEN (OLD.title = 'About x') EXECUTE FUNCTION no_answer()`)
		require.NoError(t, err)
		w.ws = mine
		id := w.add("y", "on a server that answers")
		x := w.start(indexer.Options{Poll: time.Hour, Workers: 1})
		w.expect(id, 1, "ready")
		x.stop()
	})
}
