package app_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// The conversation whose messages are deleted: how many it has, and how many of them, every
// second one, are deleted in one call.
const (
	cutMessages = 800
	cutDoomed   = cutMessages / 2
)

// messageDelete is a database with one indexed conversation, created once and cloned after
// each completed delete.
type messageDelete struct {
	cloned
	sent    api.UploadRequest
	request api.DeleteMessagesRequest
}

func newMessageDelete(t *testing.T, kind string) *messageDelete {
	t.Helper()
	d := &messageDelete{cloned: cloned{filled: storetest.New(t, kind)}}
	texts := make([]string, cutMessages)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s, message %d. The weather was neither good nor bad.", cutWord(i), i)
	}
	d.sent = apptest.Conversation("cut", texts...)
	p := apptest.StartProcess(t, d.filled, apptest.WithEnv("LETHE_EMBEDDER=none"))
	answer, err := p.Client.Upload(t.Context(), d.sent)
	require.NoError(t, err)
	p.Idle(t)
	d.request.ConversationID = answer.ConversationID
	for from := 0; from < cutMessages; from += 500 {
		page, err := p.Client.Messages(t.Context(), answer.ConversationID, from, 500)
		require.NoError(t, err)
		for _, m := range page.Items {
			if m.Position%2 == 0 {
				d.request.MessageIDs = append(d.request.MessageIDs, m.ID)
			}
		}
	}
	require.Len(t, d.request.MessageIDs, cutDoomed)
	p.Stop(t)
	d.db = d.filled.Clone(t)
	return d
}

// cutWord is a word that every second message has.
func cutWord(i int) string { return []string{"snarkfeld", "plimbrook"}[i%2] }

// remove starts the delete and returns a channel for its answer.
func (d *messageDelete) remove(t *testing.T, p *apptest.Process) <-chan answerAfter {
	began, answered := time.Now(), make(chan answerAfter, 1)
	go func() {
		answer, err := p.Client.DeleteMessages(context.WithoutCancel(t.Context()), d.request)
		answered <- answerAfter{api.DeleteAnswer{Count: answer.Count}, err, time.Since(began)}
	}()
	return answered
}

// deleted reports whether the delete was done. It fails the test if the delete is half done,
// or its receipt or tombstones differ.
func (d *messageDelete) deleted(t *testing.T, point string) bool {
	t.Helper()
	rows := d.db.Rows(t)
	done := rows["messages"] != cutMessages
	want := map[string]int{"conversations": 1, "messages": cutMessages}
	if done {
		want = map[string]int{"conversations": 1, "messages": cutMessages - cutDoomed, "deletions": 1, "message_tombstones": cutDoomed}
	}
	for _, table := range []string{"conversations", "messages", "deletions", "message_tombstones"} {
		require.Equal(t, want[table], rows[table], "killed %s: rows of %s; the delete is done: %v", point, table, done)
	}
	if done {
		require.Zero(t, d.db.Count(t, "SELECT count(*) FROM messages WHERE text LIKE 'snarkfeld%'"), "killed %s", point)
		require.Equal(t, 1, d.db.Count(t, fmt.Sprintf("SELECT count(*) FROM deletions WHERE conversations = 0 AND messages = %d", cutDoomed)), "killed %s", point)
		require.Equal(t, cutMessages-cutDoomed, d.db.Count(t, "SELECT message_count FROM conversations"), "killed %s", point)
		require.Equal(t, cutMessages-cutDoomed-1, d.db.Count(t, "SELECT max(position) FROM messages"), "killed %s: the gaps are closed", point)
	}
	require.Empty(t, d.db.Damage(t), "killed %s", point)
	return done
}

// TestKilledInTheMiddleOfADeleteOfMessages kills the process with SIGKILL while it deletes
// half of the messages of a conversation. The delete must be done completely or not at all,
// with its receipt and tombstones, and an answered delete must be done. After a done one, a
// re-send of the conversation brings no message back, and search finds none.
func TestKilledInTheMiddleOfADeleteOfMessages(t *testing.T) {
	for _, kind := range storetest.Kinds(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newMessageDelete(t, kind)
			random := rand.New(rand.NewPCG(storetest.Seed(t, "crash-seed", *crashSeed), 1))
			p := d.start(t, false)
			a := <-d.remove(t, p)
			require.NoError(t, a.err)
			require.Equal(t, cutDoomed, a.answer.Count)
			p.Kill(t)
			require.True(t, d.deleted(t, "after the answer"))
			d.staysDeleted(t)

			used, undone, done, answered := true, 0, 0, 0
			for i := range *killPoints {
				share := (float64(i) + random.Float64()) / float64(*killPoints) // 0..1, spread evenly
				delay := time.Duration(share * 1.1 * float64(a.took))
				p := d.start(t, used)
				deleting := d.remove(t, p)
				<-time.After(delay) // a random moment of the delete
				p.Kill(t)
				answer := <-deleting
				used = d.deleted(t, fmt.Sprintf("%v into a delete of about %v", delay, a.took))
				switch {
				case answer.err == nil:
					require.True(t, used, "it was answered")
					answered++
				case used:
					done++
				default:
					undone++
				}
			}
			t.Logf("%d kills in a delete of about %v: %d undid it, %d came between the commit and the answer, %d after the answer",
				*killPoints, a.took, undone, done, answered)
			require.Positive(t, undone)
		})
	}
}

// staysDeleted sends the conversation again after a restart.
func (d *messageDelete) staysDeleted(t *testing.T) {
	t.Helper()
	p := d.start(t, false)
	p.Idle(t)
	answer, err := p.Client.Upload(t.Context(), d.sent)
	require.NoError(t, err)
	require.Equal(t, d.request.ConversationID, answer.ConversationID)
	p.Idle(t)
	left, err := p.Client.Messages(t.Context(), answer.ConversationID, 0, 1)
	require.NoError(t, err)
	require.Equal(t, cutMessages-cutDoomed, left.Total)
	require.Empty(t, p.Finds(t, "snarkfeld"))
	require.Equal(t, []string{answer.ConversationID}, p.Finds(t, "plimbrook"))
	p.Kill(t)
}
