package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// beginImport records a running import of a file and returns its id.
func beginImport(t *testing.T, s *store.Store, ws chat.WorkspaceID, n store.NewImport) string {
	t.Helper()
	n.ID, n.Kind, n.State = chat.NewID(), "file", chat.StateReceiving
	inTx(t, s, func(tx *store.Tx) error { return tx.BeginImport(ws, n) })
	return n.ID
}

func importOf(t *testing.T, s *store.Store, ws chat.WorkspaceID, id string) chat.Import {
	t.Helper()
	i, err := s.View(ctx).Import(ws, id)
	require.NoError(t, err)
	return i
}

// A record of an import exists before its first conversation. While the import is running, the record stays although
// its conversations are deleted. After it has ended, the record is deleted with the last conversation of its last
// platform.
func TestTheLifeOfAnImportRecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws := workspace(t, s, "w")
		bystander := added(t, s, ws, "bystander", "text")
		id := beginImport(t, s, ws, store.NewImport{FileName: "my.zip", FileSize: 9, Restores: true})
		empty := beginImport(t, s, ws, store.NewImport{FileName: "empty.zip"})
		i := importOf(t, s, ws, id)
		require.Equal(t, chat.ImportQueued, i.Status)
		require.Equal(t, chat.ImportJob{State: chat.StateReceiving, FileName: "my.zip", FileSize: 9, Restores: true}, i.ImportJob)

		create := func(platform, name string) chat.ConversationID {
			u := upload(name, "text")
			u.Platform = platform
			fresh := chat.NewTranscript(valid(t, u))
			fresh.ImportID = id
			createAll(t, s, ws, fresh)
			return fresh.ID
		}
		a, b := create("a", "1"), create("b", "2")
		move := func(step store.ImportStep) error {
			return s.InTx(ctx, func(tx *store.Tx) error { return tx.MoveImport(ws, id, step) })
		}
		report := &chat.ImportReport{Skipped: 3, Unread: 2, Notes: []string{"note"}}
		require.NoError(t, move(store.ImportStep{Counts: chat.ImportCounts{New: 1, Failed: 1}, Messages: 1, Platforms: []string{"b"}, BytesRead: 4, Report: report}))
		require.Equal(t, "b", importOf(t, s, ws, id).Platform)
		require.NoError(t, move(store.ImportStep{State: chat.StateReading, Counts: chat.ImportCounts{New: 1, Unchanged: 5}, Messages: 1, Platforms: []string{"a", "unchanged"}, Format: "f"}))
		i = importOf(t, s, ws, id)
		require.Equal(t, []any{chat.SeveralPlatforms, []string{"a", "b", "unchanged"}, 7, 2, "f", int64(4)}, []any{i.Platform, i.Platforms, i.Conversations, i.Messages, i.Format, i.BytesRead})
		require.Equal(t, chat.ImportCounts{New: 2, Unchanged: 5, Skipped: 3, Failed: 3}, i.Counts)
		require.Equal(t, []string{"note"}, i.Report.Notes)
		require.Equal(t, chat.ImportProcessing, i.Status)

		remove(t, s, ws, a)
		require.Equal(t, []string{"b", "unchanged"}, importOf(t, s, ws, id).Platforms, "nothing of a is left, not even its name")
		remove(t, s, ws, b)
		require.Equal(t, chat.StateReading, importOf(t, s, ws, id).State, "it may still bring more")

		now.Advance(time.Second)
		b = create("b", "3")
		require.NoError(t, move(store.ImportStep{Counts: chat.ImportCounts{New: 1}, Platforms: []string{"b"}}))
		end := func(id string, state chat.ImportState, reason string) error {
			return s.InTx(ctx, func(tx *store.Tx) error { return tx.EndImport(ws, id, state, reason) })
		}
		require.NoError(t, end(id, chat.StateDone, ""))
		i = importOf(t, s, ws, id)
		require.Equal(t, []any{chat.StateIndexing, chat.ImportQueued, start.Add(time.Second)}, []any{i.State, i.Status, i.EndedAt})
		require.ErrorIs(t, move(store.ImportStep{}), store.ErrImportEnded)
		require.ErrorIs(t, end(id, chat.StateFailed, "x"), store.ErrImportEnded)
		require.NoError(t, end(empty, chat.StateFailed, "what it was"))
		i = importOf(t, s, ws, empty)
		require.Equal(t, []any{chat.StateFailed, chat.ImportFailed, "what it was"}, []any{i.State, i.Status, i.Error})

		remove(t, s, ws, b)
		_, err := s.View(ctx).Import(ws, id)
		require.True(t, fault.Is(err, fault.NotFound), "with the last conversation that it brought")
		importOf(t, s, ws, empty)
		remove(t, s, ws, bystander.ID)
		require.Zero(t, db.Count(t, "SELECT count(*) FROM imports"), "with the last conversation of the workspace")
		require.True(t, fault.Is(move(store.ImportStep{}), fault.NotFound))
		require.Empty(t, db.Damage(t))
	})
}

// Parts are stored in order, each once.
func TestPartsOfAnImport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		id := beginImport(t, s, ws, store.NewImport{Fed: true})
		part := func(n int) error {
			return s.InTx(ctx, func(tx *store.Tx) error {
				return tx.MoveImport(ws, id, store.ImportStep{Part: n, Counts: chat.ImportCounts{New: 1}})
			})
		}
		require.NoError(t, part(1))
		require.ErrorIs(t, part(1), store.ErrPartStored)
		require.ErrorContains(t, part(3), "part 3 comes before part 2")
		require.NoError(t, part(2))
		require.ErrorIs(t, part(1), store.ErrPartStored)
		require.Equal(t, 2, importOf(t, s, ws, id).Counts.New)
	})
}

// An import whose program has ended is stopped within seconds, and one of a client that sends nothing, after
// ImportSilence. Running imports are not stopped.
func TestAbandonedImports(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s, other := db.OpenAt(t, now.Now), db.OpenAt(t, now.Now)
		ws := workspace(t, s, "w")
		require.NoError(t, s.ShowAlive(ctx))
		require.NoError(t, other.ShowAlive(ctx))
		dead := beginImport(t, other, ws, store.NewImport{})
		own := beginImport(t, s, ws, store.NewImport{})
		fed := beginImport(t, other, ws, store.NewImport{Fed: true})
		stop := func(since time.Time) []string {
			holders, err := s.EndedImporters(ctx)
			require.NoError(t, err)
			abandoned := store.Abandoned{Holders: holders, Since: since}
			imports, err := s.View(ctx).AbandonedImports(abandoned)
			require.NoError(t, err)
			stopped := []string{}
			for _, i := range imports {
				inTx(t, s, func(tx *store.Tx) error {
					done, err := tx.StopAbandoned(i, abandoned, "away")
					require.True(t, done)
					return err
				})
				require.Equal(t, ws, i.Workspace)
				stopped = append(stopped, i.ID)
			}
			return stopped
		}
		require.Empty(t, stop(start))
		require.NoError(t, other.Close())
		require.Eventually(t, func() bool { // PostgreSQL's server notices a little later
			ended, err := s.EndedImporters(ctx)
			return err == nil && len(ended) > 0
		}, time.Minute, 10*time.Millisecond)
		require.Equal(t, []string{dead}, stop(start))
		require.Equal(t, []any{chat.StateStopped, "away"}, []any{importOf(t, s, ws, dead).State, importOf(t, s, ws, dead).Error})

		now.Advance(time.Minute)
		inTx(t, s, func(tx *store.Tx) error { return tx.MoveImport(ws, own, store.ImportStep{}) })
		require.Equal(t, []string{fed}, stop(start.Add(time.Second)))
		require.Equal(t, chat.StateReceiving, importOf(t, s, ws, own).State)
		inTx(t, s, func(tx *store.Tx) error {
			done, err := tx.StopAbandoned(store.RunningImport{Workspace: ws, ID: own}, store.Abandoned{Since: start.Add(time.Second)}, "away")
			require.False(t, done, "it has gone on since")
			return err
		})
	})
}

// The records of imports that stored nothing are kept for a while. Others are deleted with their conversations only.
func TestRecordsOfEmptyImportsAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, s, "w")
		empty, running, stored := beginImport(t, s, ws, store.NewImport{}), beginImport(t, s, ws, store.NewImport{}), beginImport(t, s, ws, store.NewImport{})
		inTx(t, s, func(tx *store.Tx) error {
			require.NoError(t, tx.MoveImport(ws, stored, store.ImportStep{Platforms: []string{"p"}}))
			require.NoError(t, tx.EndImport(ws, stored, chat.StateDone, ""))
			return tx.EndImport(ws, empty, chat.StateDone, "")
		})
		forget := func(before time.Time) []string {
			inTx(t, s, func(tx *store.Tx) error { return tx.ForgetEmptyImports(before) })
			return scan[string](t, s, "SELECT CAST(id AS text) FROM imports WHERE workspace_id > 0")
		}
		require.ElementsMatch(t, []string{empty, running, stored}, forget(start))
		require.ElementsMatch(t, []string{running, stored}, forget(start.Add(time.Second)))
	})
}

// An import that has ended goes on with another file in the same record, which counts on. A running one, and an
// upload, cannot go on.
func TestAnImportGoesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		other := workspace(t, s, "other")
		begin := func(ws chat.WorkspaceID, id string) error {
			return s.InTx(ctx, func(tx *store.Tx) error {
				return tx.BeginImport(ws, store.NewImport{ID: id, Kind: "file", State: chat.StateReceiving, FileName: "f", Continues: true})
			})
		}
		id := chat.NewID()
		for n := range 3 {
			require.NoError(t, begin(ws, id))
			require.ErrorContains(t, begin(ws, id), "this import is running")
			inTx(t, s, func(tx *store.Tx) error {
				if err := tx.MoveImport(ws, id, store.ImportStep{Counts: chat.ImportCounts{New: 2}, Platforms: []string{"p"}}); err != nil {
					return err
				}
				return tx.EndImport(ws, id, chat.StateFailed, "the reason")
			})
			i := importOf(t, s, ws, id)
			require.Equal(t, []any{2 * (n + 1), chat.StateFailed, "the reason"}, []any{i.Counts.New, i.State, i.Error})
		}
		require.NoError(t, begin(other, id), "of another workspace")
		require.Zero(t, importOf(t, s, other, id).Counts)
		require.NoError(t, begin(ws, id))
		i := importOf(t, s, ws, id)
		require.Equal(t, []any{chat.StateReceiving, "", true}, []any{i.State, i.Error, i.EndedAt.IsZero()})

		upload := chat.NewID()
		inTx(t, s, func(tx *store.Tx) error {
			return tx.AddToImport(ws, chat.Import{ID: upload, Kind: "upload", Platform: "p", Conversations: 1})
		})
		require.ErrorContains(t, begin(ws, upload), "this is the id of an upload")
	})
}
