package app_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/ledger"
	"github.com/lethe-chat/lethe/internal/ledger/book"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/client"
)

// The database of which a backup is restored: how many chats it has, and how many are deleted after the backup.
const (
	restoreChats, restoreDoomed = 1000, 100
	restoreBatch                = 20 // chats of one delete
)

// restored is a database with a ledger, a backup of it, and what it had then.
type restored struct {
	backup storetest.Database
	ledger string // the ledger as it was at the backup
	ids    []chat.ConversationID
	before map[chat.ConversationID]string
}

func newRestored(t *testing.T, kind string) *restored {
	t.Helper()
	r := &restored{backup: storetest.New(t, kind), ledger: filepath.Join(t.TempDir(), "ledger")}
	s, err := store.Open(t.Context(), r.backup.Options())
	require.NoError(t, err)
	b, err := book.Open(r.ledger)
	require.NoError(t, err)
	l := ledger.New(ledger.Options{Store: s, Book: b})
	s.AfterDeletes(l.Catch, b.Close)
	require.NoError(t, l.Open(t.Context(), false))
	require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) error {
		ws, err := tx.EnsureWorkspace(chat.DefaultWorkspace)
		if err != nil {
			return err
		}
		fresh := make([]chat.Transcript, restoreChats)
		for i := range fresh {
			u := chat.Upload{ExternalID: fmt.Sprint(i), Messages: []chat.UploadMessage{{Role: "human", Text: fmt.Sprintf("the chat %d", i)}, {Role: "assistant", Text: "yes"}}}
			valid, err := u.Validate(time.Now())
			if err != nil {
				return err
			}
			fresh[i] = chat.NewTranscript(valid)
			fresh[i].ImportID = chat.NewID()
		}
		_, err = tx.CreateConversations(ws, fresh)
		return err
	}))
	require.NoError(t, s.Close())
	r.before = storedIn(t, r.backup)
	for id := range r.before {
		r.ids = append(r.ids, id)
	}
	slices.Sort(r.ids)
	require.Len(t, r.ids, restoreChats)
	return r
}

// storedIn returns the texts of all conversations of the default workspace.
func storedIn(t *testing.T, db storetest.Database) map[chat.ConversationID]string {
	t.Helper()
	s, err := store.Open(t.Context(), db.Options())
	require.NoError(t, err)
	v := s.View(t.Context())
	ws, err := v.Workspace(chat.DefaultWorkspace)
	require.NoError(t, err)
	list, err := v.ConversationsAfter(ws, chat.Filter{}, "", 2*restoreChats)
	require.NoError(t, err)
	texts := make(map[chat.ConversationID]string, len(list))
	for _, c := range list {
		turns, err := v.Transcript(ws, c.ID)
		require.NoError(t, err)
		for _, m := range turns.Turns {
			texts[c.ID] += c.Title + "/" + string(m.ID) + "/" + m.Text + "\n"
		}
	}
	require.NoError(t, s.Close())
	return texts
}

// copyOf copies the ledger as it was at the backup.
func (r *restored) copyOf(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(r.ledger)
	require.NoError(t, err)
	place := filepath.Join(t.TempDir(), "ledger")
	require.NoError(t, os.WriteFile(place, content, 0o600))
	return place
}

// remove deletes some chats after the other, until the service is killed. It returns how many deletes were answered.
func (r *restored) remove(t *testing.T, c *client.Client) (answered int) {
	for batch := range slices.Chunk(r.ids[:restoreDoomed], restoreBatch) {
		asked := make([]string, len(batch))
		for i, id := range batch {
			asked[i] = string(id)
		}
		if _, err := c.Delete(context.WithoutCancel(t.Context()), asked...); err != nil {
			return answered
		}
		answered++
	}
	return answered
}

// TestKilledAroundARestore: 1,000 chats, a backup, 100 of them are deleted, the backup is restored, and the service
// starts: the 100 are gone, and the 900 are as they were. Half of the times the service is killed while it deletes, and
// half of the times while it starts on the restored backup.
func TestKilledAroundARestore(t *testing.T) {
	for _, kind := range storetest.Kinds(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := newRestored(t, kind)
			random := rand.New(rand.NewPCG(storetest.Seed(t, "crash-seed", *crashSeed), 0))
			// How long the deletes take, and a start.
			live, place := r.backup.Clone(t), r.copyOf(t)
			began := time.Now()
			p := apptest.StartProcess(t, live, withLedger(place))
			starts := time.Since(began)
			began = time.Now()
			require.Equal(t, restoreDoomed/restoreBatch, r.remove(t, p.Client))
			deletes := time.Since(began)
			p.Kill(t)
			r.check(t, place, r.ids[restoreDoomed:], "after all deletes")
			full := place
			for i := range *killPoints {
				if i%2 == 0 {
					r.killedWhileDeleting(t, time.Duration(random.Int64N(int64(deletes))))
					continue
				}
				// Here the deletes are done, and the starts on the backup are killed.
				logged, delay := "", time.Duration(random.Int64N(int64(starts)))
				if i%4 == 1 {
					logged, delay = "deleting again", time.Duration(random.Int64N(int64(20*time.Millisecond)))
				}
				back := r.backup.Clone(t)
				apptest.KillWhileStarting(t, back, logged, delay, withLedger(full))
				r.checkOn(t, back, full, r.ids[restoreDoomed:], fmt.Sprintf("killed %v into a start (%q)", delay, logged))
			}
		})
	}
}

// killedWhileDeleting kills the service while it deletes. A backup that is restored then lacks at least what was
// answered, and exactly what was deleted after the service has started once more.
func (r *restored) killedWhileDeleting(t *testing.T, delay time.Duration) {
	t.Helper()
	live, place := r.backup.Clone(t), r.copyOf(t)
	p := apptest.StartProcess(t, live, withLedger(place))
	answered := make(chan int, 1)
	go func() { answered <- r.remove(t, p.Client) }()
	<-time.After(delay) // a random moment
	p.Kill(t)
	done := <-answered
	back := r.backup.Clone(t)
	apptest.StartProcess(t, back, withLedger(place)).Kill(t)
	left := storedIn(t, back)
	for _, id := range r.ids[:done*restoreBatch] {
		require.NotContains(t, left, id, "killed %v into the deletes: this one was answered", delay)
	}
	apptest.StartProcess(t, live, withLedger(place)).Kill(t)
	var kept []chat.ConversationID
	for id := range storedIn(t, live) {
		kept = append(kept, id)
	}
	r.check(t, place, kept, fmt.Sprintf("killed %v into the deletes", delay))
}

// check restores the backup and starts a service on it. Afterwards exactly these chats are stored, as they were.
func (r *restored) check(t *testing.T, place string, kept []chat.ConversationID, when string) {
	t.Helper()
	r.checkOn(t, r.backup.Clone(t), place, kept, when)
}

func (r *restored) checkOn(t *testing.T, back storetest.Database, place string, kept []chat.ConversationID, when string) {
	t.Helper()
	apptest.StartProcess(t, back, withLedger(place)).Kill(t)
	want := make(map[chat.ConversationID]string, len(kept))
	for _, id := range kept {
		want[id] = r.before[id]
	}
	require.Equal(t, want, storedIn(t, back), when)
	require.Empty(t, back.Damage(t), when)
}
