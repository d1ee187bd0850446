package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A receipt says that the storage is reclaimed only if the delete was committed when the
// reclaim began. Clocks of two programs differ, so times cannot decide: here a program
// whose clock is behind deletes during a reclaim.
func TestALaterDeleteIsNotSettled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		behind := db.OpenAt(t, func() time.Time { return time.Now().Add(-2 * time.Second) })
		ws := workspace(t, behind, "w")
		early, late := added(t, behind, ws, "early", "text").ID, added(t, behind, ws, "late", "text").ID
		remove(t, behind, ws, early)
		deleted := false
		deleteLate := func() {
			if !deleted {
				deleted = true
				remove(t, behind, ws, late)
			}
		}
		var reclaiming bool
		leader := db.OpenAt(t, func() time.Time {
			if reclaiming && db.Kind == storetest.Postgres { // the vacuum is complete, and the receipts are about to be settled
				deleteLate()
			}
			return time.Now()
		})
		reclaiming = true
		settled, err := leader.Reclaim(ctx, store.Reclaiming{Pause: func(context.Context) error {
			deleteLate() // SQLite is between two steps
			return nil
		}})
		require.NoError(t, err)
		require.True(t, deleted, "the test must have deleted in the middle")
		require.Equal(t, 1, settled, "the early one")
		left, err := leader.Unreclaimed(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, left.Deletes, "the late one waits for the next reclaim")
		settled, err = leader.Reclaim(ctx, store.Reclaiming{})
		require.NoError(t, err)
		require.Equal(t, 1, settled)
	})
}

// A reclaim that waits for a reader of an old state does not block writers.
func TestAReclaimThatWaitsLetsOthersWrite(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	options := db.Options()
	checkpoints := make(chan struct{}, 1)
	options.Trace = func(statement string) {
		if strings.Contains(statement, "wal_checkpoint") {
			select {
			case checkpoints <- struct{}{}:
			default:
			}
		}
	}
	s, err := store.Open(ctx, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	ws := workspace(t, s, "w")
	id := added(t, s, ws, "x", "text").ID
	reclaimed := make(chan error, 1)
	require.NoError(t, s.Snapshot(ctx, func(v *store.View) error {
		_, err := v.Count(ws)
		require.NoError(t, err)
		remove(t, s, ws, id)
		go func() {
			_, err := s.Reclaim(ctx, store.Reclaiming{})
			reclaimed <- err
		}()
		<-checkpoints
		<-checkpoints // it has tried once and tries again
		workspace(t, s, "another")
		select {
		case err := <-reclaimed:
			require.FailNow(t, "the write waited until the reclaim ended", "%v", err)
		default:
		}
		return nil
	}))
	require.NoError(t, <-reclaimed)
}

// The doctor reads the whole database without blocking writers, and works while another
// transaction writes.
func TestTheDoctorDoesNotNeedTheWriter(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	added(t, s, ws, "x", "text")
	hurried, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	inTx(t, s, func(tx *store.Tx) error {
		require.NoError(t, tx.NamePlatform(ws, "custom", "Custom"))
		findings, err := s.Examine(hurried)
		require.NoError(t, err)
		require.NotEmpty(t, findings)
		return nil
	})
}

// Only one program does upkeep at a time, leader or not, and only one call of a store.
func TestUpkeepIsExclusive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		a := db.Open(t)
		b := a
		if db.Kind == storetest.Postgres {
			b = db.Open(t)
		}
		inside, leave, second := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		first := make(chan error, 1)
		go func() {
			first <- a.Exclusively(ctx, func(context.Context) error {
				close(inside)
				<-leave
				return nil
			})
		}()
		<-inside
		hurried, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		require.Error(t, b.Exclusively(hurried, func(context.Context) error { return nil }), "it is another's turn")
		go func() { second <- b.Exclusively(ctx, func(context.Context) error { return nil }) }()
		close(leave)
		require.NoError(t, <-first)
		require.NoError(t, <-second)
	})
}

// Records that belong only to deleted conversations are deleted with the last of them: the name of their platform,
// and their imports.
func TestNothingAboutAPlatformOutlivesItsLastConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		file := chat.NewID()
		add := func(ws chat.WorkspaceID, platform, name, importID string) chat.ConversationID {
			u := upload(name, "text")
			u.Platform = platform
			fresh := chat.NewTranscript(valid(t, u))
			fresh.ImportID = importID
			createAll(t, s, ws, fresh)
			i := chat.Import{ID: importID, Kind: "upload", Platform: platform, Conversations: 1, ConversationID: fresh.ID}
			if importID == file {
				i.Kind, i.ConversationID = "file", ""
			}
			inTx(t, s, func(tx *store.Tx) error {
				require.NoError(t, tx.NamePlatform(ws, platform, "Called "+platform))
				return tx.AddToImport(ws, i)
			})
			return fresh.ID
		}
		one, two := add(ws, "p", "1", file), add(ws, "p", "2", file)
		three := add(ws, "p", "3", chat.NewID())
		stays, elsewhere := add(ws, "q", "4", chat.NewID()), add(other, "p", "5", chat.NewID())
		resend := chat.NewID()
		inTx(t, s, func(tx *store.Tx) error {
			return tx.AddToImport(ws, chat.Import{ID: resend, Kind: "upload", Platform: "p", Conversations: 1, ConversationID: one})
		})
		names := func(ws chat.WorkspaceID) map[string]string {
			names, err := s.View(ctx).PlatformNames(ws)
			require.NoError(t, err)
			return names
		}
		imports := func(ws chat.WorkspaceID) (ids []string) {
			items, _, err := s.View(ctx).Imports(ws, 1, 100)
			require.NoError(t, err)
			for _, i := range items {
				ids = append(ids, i.ID)
			}
			return ids
		}
		require.Len(t, imports(ws), 4)

		remove(t, s, ws, one)
		require.NotContains(t, imports(ws), resend, "it was about this conversation")
		require.Contains(t, imports(ws), file, "another of its conversations is left")
		require.Contains(t, names(ws), "p")
		remove(t, s, ws, two)
		require.NotContains(t, imports(ws), file)
		require.Contains(t, names(ws), "p")
		remove(t, s, ws, three)
		require.Equal(t, map[string]string{"q": "Called q"}, names(ws))
		require.Len(t, imports(ws), 1)
		require.Equal(t, map[string]string{"p": "Called p"}, names(other), "of another workspace")
		require.Len(t, imports(other), 1)

		remove(t, s, ws, stays)
		remove(t, s, other, elsewhere)
		for _, table := range []string{"platforms", "imports"} {
			require.Zero(t, db.Count(t, "SELECT count(*) FROM "+table), table)
		}
	})
}
