package history_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// standstill is a database that stops at its first query for the lengths of stored texts after it was armed. An
// upload into a long conversation sends that query before it merges.
type standstill struct {
	armed           atomic.Bool
	reached, goesOn chan struct{}
}

func (s *standstill) trace(statement string) {
	if strings.Contains(statement, "octet_length") && s.armed.CompareAndSwap(true, false) {
		close(s.reached)
		<-s.goesOn
	}
}

// standingStill calls meanwhile while an upload is reading the long conversation that it belongs to.
func standingStill(t *testing.T, meanwhile func(t *testing.T, h history.Access), check func(t *testing.T, turns []chat.Message)) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		still := &standstill{reached: make(chan struct{}), goesOn: make(chan struct{})}
		o := db.Options()
		o.Trace = still.trace
		s, err := store.Open(t.Context(), o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		d := newDesk(t, db, "")
		h := history.New(history.Options{Store: s, Embedder: d.Embedder}).AsOperator(d.WS)
		long := say("long")
		for i := range 1500 {
			long.Messages = append(long.Messages, chat.UploadMessage{Role: "human", Text: fmt.Sprint("message ", i)})
		}
		first, err := h.Ingest(t.Context(), long)
		require.NoError(t, err)

		still.armed.Store(true)
		done := make(chan error, 1)
		go func() {
			again := long
			again.Messages = append(slices.Clone(long.Messages), chat.UploadMessage{Role: "human", Text: "new"})
			_, err := h.Ingest(t.Context(), again)
			done <- err
		}()
		<-still.reached
		finished := make(chan struct{})
		go func() { defer close(finished); meanwhile(t, h) }()
		select {
		case <-finished:
		case <-time.After(15 * time.Second): // less than a write waits for the database
			t.Error("the other write waits for the upload")
		}
		close(still.goesOn)
		require.NoError(t, <-done)
		<-finished
		stored, err := s.View(t.Context()).Transcript(d.WS, first.Conversation.ID)
		require.NoError(t, err)
		check(t, stored.Turns)
	})
}

// A small upload and a delete do not wait while another upload reads a long conversation.
func TestOthersWriteWhileALongConversationIsRead(t *testing.T) {
	standingStill(t, func(t *testing.T, h history.Access) {
		small, err := h.Ingest(t.Context(), say("small", "hello"))
		if err == nil {
			_, err = h.DeleteConversations(context.WithoutCancel(t.Context()), []chat.ConversationID{small.Conversation.ID}, chat.DeleteOptions{})
		}
		if err != nil {
			t.Error(err)
		}
	}, func(t *testing.T, turns []chat.Message) {
		require.Equal(t, 1501, len(turns)) //nolint:testifylint // a failed Len would print all of them
		require.Equal(t, "new", turns[1500].Text)
	})
}

// A change by another caller in the meantime is not lost: the upload is merged again.
func TestAConversationThatChangesWhileAnUploadIsMerged(t *testing.T) {
	standingStill(t, func(t *testing.T, h history.Access) {
		u := say("long")
		for _, text := range []string{"message 1498", "message 1499", "another"} {
			u.Messages = append(u.Messages, chat.UploadMessage{Role: map[bool]string{true: "assistant", false: "human"}[text == "another"], Text: text})
		}
		if _, err := h.Ingest(t.Context(), u); err != nil {
			t.Error(err)
		}
	}, func(t *testing.T, turns []chat.Message) {
		require.Equal(t, 1502, len(turns)) //nolint:testifylint // a failed Len would print all of them
		require.ElementsMatch(t, []string{"another", "new"}, []string{turns[1500].Text, turns[1501].Text})
		for i, m := range turns {
			require.Equal(t, i, m.Position)
		}
	})
}
