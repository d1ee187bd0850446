package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// forget deletes messages at positions of a stored conversation.
func forget(t testing.TB, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID, positions ...int) (done store.RemovedMessages) {
	t.Helper()
	var ids []chat.MessageID
	for _, m := range whole(t, s, ws, id).Turns {
		for _, p := range positions {
			if m.Position == p {
				ids = append(ids, m.ID)
			}
		}
	}
	require.Len(t, ids, len(positions))
	inTx(t, s, func(tx *store.Tx) (err error) {
		done, err = tx.DeleteMessages(ws, id, ids, chat.DeleteOptions{KeyID: "key"})
		return err
	})
	return done
}

func whole(t testing.TB, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID) chat.Transcript {
	t.Helper()
	found, err := s.View(ctx).Transcript(ws, id)
	require.NoError(t, err)
	return found
}

func textsOf(t testing.TB, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID) (texts []string) {
	t.Helper()
	for i, m := range whole(t, s, ws, id).Turns {
		require.Equal(t, i, m.Position)
		texts = append(texts, m.Text)
	}
	return texts
}

// spanned is a passage that quotes whole messages.
func spanned(position int, term string, messages ...int) store.IndexedChunk {
	p := passage(position, []float32{1, 0, 0}, term, "common")
	p.First, p.Last = messages[0], messages[len(messages)-1]
	for _, m := range messages {
		p.Content.Parts = append(p.Content.Parts, chat.Excerpt{Position: m, End: 2})
	}
	return p
}

func TestADeletedMessageTakesItsPassagesAndNothingElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		c := added(t, s, ws, "c", "where is the key", "under the pot", "the password is hunter2", "noted", "and the boiler?", "in the cellar")
		indexAs(t, s, c.ID, indexed(spanned(0, "key", 0, 1), spanned(1, "hunter2", 2, 3), spanned(2, "boiler", 4, 5)))
		other := added(t, s, ws, "other", "the password is hunter2")
		before := whole(t, s, ws, c.ID)

		done := forget(t, s, ws, c.ID, 2)
		require.Equal(t, []chat.MessageID{before.Turns[2].ID}, done.IDs)
		require.False(t, done.Conversation)
		require.Equal(t, []string{"where is the key", "under the pot", "noted", "and the boiler?", "in the cellar"}, textsOf(t, s, ws, c.ID))
		receipt, err := s.View(ctx).Deletion(ws, done.Receipt.ID)
		require.NoError(t, err)
		require.Equal(t, []int{0, 1, 1, 1}, []int{receipt.Conversations, receipt.Messages, receipt.Chunks, receipt.Embeddings})
		require.Equal(t, "key", receipt.KeyID)
		require.True(t, receipt.OfMessages())
		require.Nil(t, receipt.ReclaimedAt)

		v := s.View(ctx)
		for term, want := range map[string]int{"hunter2": 0, "key": 1, "boiler": 1} {
			found, err := v.SearchKeyword(ws, store.Words{Terms: []string{term}}, chat.Filter{})
			require.NoError(t, err)
			require.Len(t, found.Passages, want, term)
		}
		found, err := v.Passages(ws, []rank.Key{{Conversation: c.ID, Position: 2}})
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, chat.Span{From: 3, To: 4}, found[0].Content.Span(), "its messages have moved")
		after := whole(t, s, ws, c.ID)
		require.Equal(t, chat.Queued, after.IndexState)
		require.Greater(t, after.Revision, before.Revision)
		require.Equal(t, before.Title, after.Title)
		require.Equal(t, []string{"the password is hunter2"}, textsOf(t, s, ws, other.ID))
		requireSound(t, db)

		require.Empty(t, mustForget(t, s, ws, c.ID, before.Turns[2].ID, chat.MessageID(chat.NewID()), other.Turns[0].ID).IDs, "it has none of them")
		require.Equal(t, after, whole(t, s, ws, c.ID))
		_, findings, err := s.Prove(ctx, done.Receipt.ID)
		require.NoError(t, err)
		for _, f := range findings {
			require.Zero(t, f.Count, f.Check)
		}
	})
}

func mustForget(t testing.TB, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID, ids ...chat.MessageID) (done store.RemovedMessages) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		done, err = tx.DeleteMessages(ws, id, ids, chat.DeleteOptions{})
		return err
	})
	return done
}

// A claim on the revision before the delete stores nothing.
func TestAnIndexerThatIsAtWorkLosesItsClaimToADeleteOfAMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		c := added(t, s, ws, "c", "one", "hunter2", "three")
		claimed := claimOne(t, s)
		forget(t, s, ws, c.ID, 1)
		require.ErrorIs(t, finishAs(s, claimed, indexed(spanned(0, "hunter2", 0, 1))), store.ErrClaimLost)
		require.ErrorIs(t, s.InTx(ctx, func(tx *store.Tx) error {
			return tx.StoreWords(claimed, testModel, []store.IndexedChunk{spanned(0, "hunter2", 0, 1)})
		}), store.ErrClaimLost)
		require.Zero(t, scan[int](t, s, "SELECT count(*) FROM chunks WHERE workspace_id = ?", int64(ws))[0])
		require.NoError(t, finish(s, claimOne(t, s), "three"))
		requireSound(t, db)
	})
}

func TestATitleThatQuotesADeletedMessageIsDerivedAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		long := "my pass phrase is " + strings.Repeat("correct horse ", 20)
		for name, c := range map[string]struct {
			title string
			texts []string
			gone  []int
			want  string
		}{
			"derived":          {"", []string{long, "noted", "what now?"}, []int{0}, "what now?"},
			"derived, short":   {"", []string{"pw", "noted", "what now?"}, []int{0}, "what now?"},
			"cut by a client":  {"My pass  phrase is…", []string{long, "noted", "what now?"}, []int{0}, "what now?"},
			"quotes all of it": {"About hunter2 and more", []string{"hello there", "hi", "hunter2"}, []int{2}, "hello there"},
			"none left":        {"", []string{long, "noted"}, []int{0}, "Untitled"},
			"several":          {"", []string{long, "noted", long + "!", "noted", "x\n\n  y"}, []int{0, 2}, "x y"},
			"of its own":       {"A day out", []string{long, "noted", "what now?"}, []int{0}, "A day out"},
			"of another":       {"", []string{"what now?", "noted", long}, []int{2}, "what now?"},
			"long white space": {"", []string{long, "noted", strings.Repeat(" \n", 5000) + "at last"}, []int{0}, "at last"},
		} {
			u := upload(name, c.texts...)
			u.Title = c.title
			made := create(t, s, ws, u)
			indexAs(t, s, made.ID, indexed(spanned(0, "first", 0), spanned(1, "second", 1)))
			preview := previewed(t, s, ws, made, c.gone...)
			forget(t, s, ws, made.ID, c.gone...)
			after := whole(t, s, ws, made.ID)
			require.Equal(t, c.want, after.Title, name)
			require.Equal(t, c.want != made.Title, preview.Title, name)
			require.Equal(t, chat.Fold(c.want), scan[string](t, s, "SELECT title_folded FROM conversations WHERE workspace_id = ? AND id = ?", int64(ws), made.ID)[0])
		}
		requireSound(t, db)
	})
}

func previewed(t testing.TB, s *store.Store, ws chat.WorkspaceID, c chat.Transcript, positions ...int) chat.MessagesPreview {
	t.Helper()
	ids := make([]chat.MessageID, len(positions))
	for i, p := range positions {
		ids[i] = c.Turns[p].ID
	}
	p, err := s.View(ctx).PreviewMessages(ws, c.ID, ids)
	require.NoError(t, err)
	return p
}

func TestDeletingTheLastMessageDeletesTheConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		c := added(t, s, ws, "c", "one", "two")
		indexAs(t, s, c.ID, indexed(spanned(0, "one", 0, 1)))
		require.Equal(t, chat.MessagesPreview{Messages: 2, Passages: 1, Conversation: true, Title: true}, previewed(t, s, ws, c, 0, 1))
		require.Equal(t, chat.MessagesPreview{Messages: 1, Passages: 1}, previewed(t, s, ws, c, 1))
		require.False(t, forget(t, s, ws, c.ID, 1).Conversation)
		done := forget(t, s, ws, c.ID, 0)
		require.True(t, done.Conversation)
		require.Equal(t, []int{1, 1}, []int{done.Receipt.Conversations, done.Receipt.Messages})
		require.Zero(t, rowsOf(t, s, c.ID))
		deleted, excluded, err := s.View(ctx).Tombstoned(ws, "custom", "c")
		require.NoError(t, err)
		require.True(t, deleted)
		require.False(t, excluded)
		forgotten, err := s.View(ctx).Forgotten(ws, chat.Origin{Platform: "custom", ExternalID: "c"})
		require.NoError(t, err)
		require.Equal(t, []int{0, 1}, forgotten.At, "the messages are still known")
		requireSound(t, db)
		require.True(t, fault.Is(s.InTx(ctx, func(tx *store.Tx) error {
			_, err := tx.DeleteMessages(ws, c.ID, []chat.MessageID{c.Turns[0].ID}, chat.DeleteOptions{})
			return err
		}), fault.NotFound))
	})
}

// Positions in the source are those of before any delete, in whatever order the messages
// were deleted.
func TestForgottenPositionsAreThoseOfTheSource(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		texts := make([]string, 10)
		for i := range texts {
			texts[i] = fmt.Sprint("text ", i)
		}
		c := added(t, s, ws, "c", texts...)
		at := func() []int {
			f, err := s.View(ctx).Forgotten(ws, chat.Origin{Platform: "custom", ExternalID: "c"})
			require.NoError(t, err)
			return f.At
		}
		forget(t, s, ws, c.ID, 4)
		require.Equal(t, []int{4}, at())
		forget(t, s, ws, c.ID, 4, 1)
		require.Equal(t, []int{1, 4, 5}, at())
		forget(t, s, ws, c.ID, 6, 0, 2)
		require.Equal(t, []int{0, 1, 3, 4, 5, 9}, at())
		require.Equal(t, []string{"text 2", "text 6", "text 7", "text 8"}, textsOf(t, s, ws, c.ID))
		requireSound(t, db)
	})
}
