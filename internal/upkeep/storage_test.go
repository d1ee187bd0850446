package upkeep

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// shelf is a workspace with conversations to delete.
type shelf struct {
	t     *testing.T
	store *store.Store
	ws    chat.WorkspaceID
	chats []chat.ConversationID
}

func newShelf(t *testing.T, s *store.Store, chats int) *shelf {
	f := &filled{t: t, store: s}
	sh := &shelf{t: t, store: s, ws: f.workspace("w")}
	for i := range chats {
		u, err := chat.Upload{ExternalID: string(rune('a' + i)), Messages: []chat.UploadMessage{{Role: "user", Text: "text"}}}.Validate(time.Now())
		require.NoError(t, err)
		fresh := chat.NewTranscript(u)
		fresh.ImportID = chat.NewID()
		require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.CreateConversation(sh.ws, fresh)
			return err
		}))
		sh.chats = append(sh.chats, fresh.ID)
	}
	return sh
}

func (s *shelf) removeOne() {
	s.t.Helper()
	require.NoError(s.t, s.store.InTx(s.t.Context(), func(tx *store.Tx) error {
		_, _, err := tx.DeleteConversations(s.ws, s.chats[:1], chat.DeleteOptions{})
		return err
	}))
	s.chats = s.chats[1:]
}

func (s *shelf) unreclaimed() int {
	left, err := s.store.Unreclaimed(s.t.Context())
	require.NoError(s.t, err)
	return left.Deletes
}

// run starts an Upkeep. stop ends it and waits until it has ended.
func run(t *testing.T, u *Upkeep) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); u.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return func() { cancel(); <-done }
}

// A waiting caller starts a reclaim, however little was deleted and whichever program
// leads. One reclaim serves all waiting callers.
func TestEveryWaitingCallerIsServed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		books := newShelf(t, s, 4)
		if leader, ok, err := db.Open(t).Lead(t.Context()); err == nil && ok {
			defer leader.Release() // on PostgreSQL another program leads
		}
		var log bytes.Buffer
		u := New(Options{Store: s, Logger: slog.New(slog.NewTextHandler(&log, nil)), Every: time.Hour})
		answers := make(chan error, 3)
		for range 3 {
			books.removeOne()
			go func() { answers <- u.Reclaim(t.Context()) }()
		}
		for waiting := 0; waiting < 3; { // all of them, before there is a reclaim
			u.callers.mu.Lock()
			waiting = len(u.callers.waiting)
			u.callers.mu.Unlock()
		}
		stop := run(t, u)
		for range 3 {
			require.NoError(t, <-answers)
		}
		require.Zero(t, books.unreclaimed())
		stop()
		require.LessOrEqual(t, strings.Count(log.String(), "reclaimed the storage"), 1, log.String())
	})
}

// Callers that still wait when the service stops get an answer.
func TestAStopAnswersWaitingCallers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, reading := db.Open(t), db.Open(t)
		books := newShelf(t, s, 1)
		u := New(Options{Store: s, Every: time.Hour})
		require.NoError(t, reading.Snapshot(t.Context(), func(v *store.View) error { // keeps the reclaim from ending
			_, err := v.Count(books.ws)
			require.NoError(t, err)
			books.removeOne()
			answer := make(chan error, 1)
			go func() { answer <- u.Reclaim(context.Background()) }()
			stop := run(t, u)
			stop()
			require.True(t, fault.Is(<-answer, fault.Canceled))
			return nil
		}))
		require.True(t, fault.Is(u.Reclaim(t.Context()), fault.Canceled), "a later caller is answered too")
	})
}

// Deletes come first: a reclaim waits for a pause between them, but only for a limited
// time, and not at all when a caller waits for it.
func TestAReclaimWaitsForAPause(t *testing.T) {
	waited := func(t *testing.T, deletes int, every time.Duration, ask bool) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			u := New(Options{})
			began := time.Now()
			u.Deleted()
			go func() {
				for range deletes {
					<-time.After(every)
					u.Deleted()
				}
			}()
			if ask {
				u.callers.add()
			}
			u.untilQuiet(t.Context())
			took = -time.Until(began) // measured with the fake clock, so the machine's speed does not matter
			<-time.After(time.Duration(deletes) * every)
		})
		return took
	}
	require.Equal(t, quiet, waited(t, 0, 0, false), "after one delete")
	require.Equal(t, 10*10*time.Millisecond+quiet, waited(t, 10, 10*time.Millisecond, false), "after the last of ten")
	require.Equal(t, longestWait, waited(t, 1000, 10*time.Millisecond, false), "they do not end")
	require.Zero(t, waited(t, 1000, 10*time.Millisecond, true), "somebody waits")
}

// A panic in one piece of work stops neither the service nor the waiting callers.
func TestAPanicInUpkeepIsLogged(t *testing.T) {
	var log bytes.Buffer
	u := New(Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	u.safely(t.Context(), func(context.Context) error { panic("at the disco") })
	require.Contains(t, log.String(), "at the disco")
	u.safely(t.Context(), func(context.Context) error { return errors.New("an error") })
	require.Contains(t, log.String(), "an error")

	answer := u.callers.add() // the store is nil, so the work panics
	u.safely(t.Context(), u.serve)
	require.ErrorIs(t, <-answer, errPanicked)
}
