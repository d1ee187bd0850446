package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// inParts returns a history that splits conversations of more than three messages.
func (d *desk) inParts() history.Access {
	small := d.with(func(o *history.Options) { o.Parts = chat.PartLimits{Messages: 3, Bytes: 1000} })
	return small.History.AsOperator(d.WS)
}

// A long conversation of a file is stored in parts and counted once. Sent again, also after it has grown or was
// deleted, it is the same.
func TestALongConversationOfAFile(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		texts := make([]string, 20)
		for i := range texts {
			texts[i] = []string{"again", "and again"}[i%2]
		}
		long, access := say("long", texts...), d.inParts()
		imported := func(restore bool, uploads ...chat.Upload) history.Imported {
			done, err := access.ImportFile(t.Context(), fileOf(uploads...), restore)
			require.NoError(t, err)
			require.Empty(t, done.Problems)
			return done
		}
		done := imported(false, say("before", "a"), long, say("after", "b"))
		require.Equal(t, 3, done.Conversations)
		row, err := access.Import(t.Context(), done.ImportID)
		require.NoError(t, err)
		require.Equal(t, []int{3, 22}, []int{row.Conversations, row.Messages})
		page, err := access.Conversations(t.Context(), chat.ListQuery{PageSize: 10})
		require.NoError(t, err)
		at := slices.IndexFunc(page.Items, func(c chat.Conversation) bool { return c.ExternalID == "long" })
		require.Equal(t, []int{3, 20}, []int{page.Total, page.Items[at].Messages})
		stored := d.Transcript(page.Items[at].ID)
		for i, m := range stored.Turns {
			require.Equal(t, texts[i], m.Text)
		}
		require.Equal(t, 1, imported(false, long).Conversations)
		require.Equal(t, stored.Turns, d.Transcript(stored.ID).Turns)
		require.Equal(t, stored.Revision, d.Transcript(stored.ID).Revision)

		_, err = access.DeleteConversations(t.Context(), []chat.ConversationID{stored.ID}, chat.DeleteOptions{})
		require.NoError(t, err)
		done = imported(false, long)
		require.Equal(t, []int{0, 1, 0}, []int{done.Conversations, done.Deleted, done.Failed}, "its parts are not counted, and none is stored")
		done = imported(true, long)
		require.Equal(t, []int{1, 0, 0}, []int{done.Conversations, done.Deleted, done.Failed})
		require.Equal(t, 3, d.Count())
		require.Empty(t, d.DB.Damage(t))
	})
}

// A part whose beginning is missing is a problem with a place, and nothing else is lost.
func TestAPartWithoutItsBeginning(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		access := d.History.AsOperator(d.WS)
		part := func(id string, from int, texts ...string) chat.Upload {
			u := say(id, texts...)
			u.From = new(from)
			return u
		}
		done, err := access.ImportFile(t.Context(), fileOf(part("x", 5, "f"), part("y", 0, "a", "b"), part("y", 3, "d"), part("y", 2, "c"), part("y", 3, "d")), false)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2}, []int{done.Conversations, done.Failed})
		require.Equal(t, []int{1, 3}, []int{done.Problems[0].Line, done.Problems[1].Line})
		require.ErrorContains(t, done.Problems[0].Err, "from is 5, but only 0 messages")
		require.ErrorContains(t, done.Problems[1].Err, "from is 3, but only 2 messages")
		require.Equal(t, 1, d.Count())

		_, err = access.Ingest(t.Context(), part("y", 5, "f"))
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		require.ErrorContains(t, err, "only 4 messages")
		_, err = access.Ingest(t.Context(), part("z", 1, "f"))
		require.ErrorContains(t, err, "only 0 messages")
		one, err := access.Ingest(t.Context(), part("y", 4, "e", "e", "e"))
		require.NoError(t, err)
		require.Equal(t, 7, one.Conversation.Messages)

		_, err = access.DeleteConversations(t.Context(), []chat.ConversationID{one.Conversation.ID}, chat.DeleteOptions{Exclude: true})
		require.NoError(t, err)
		two, err := access.Ingest(t.Context(), part("y", 4, "e"))
		require.NoError(t, err)
		require.Equal(t, chat.Excluded, two.Conversation.IndexState)
		require.Zero(t, d.Count())
	})
}

// A conversation of a file may have more messages than an upload.
func TestAnImportOfSixtyThousandMessages(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		const n = 60_000
		long := chat.Upload{ExternalID: "long", Messages: make([]chat.UploadMessage, n)}
		for i := range long.Messages {
			long.Messages[i] = chat.UploadMessage{Role: []string{"human", "assistant"}[i%2], Text: fmt.Sprint("line ", i%7)}
		}
		access := d.History.AsOperator(d.WS)
		for _, revision := range []int64{6, 6} {
			done, err := access.ImportFile(t.Context(), fileOf(long), false)
			require.NoError(t, err)
			require.Equal(t, []int{1, 0}, []int{done.Conversations, done.Failed})
			page, err := access.Conversations(t.Context(), chat.ListQuery{})
			require.NoError(t, err)
			require.Equal(t, n, page.Items[0].Messages)
			require.Equal(t, revision, page.Items[0].Revision, "the second time nothing changes")
		}
	})
}

// A long conversation counts once in an import, as what its parts together are: a change in a
// later part makes an unchanged conversation an updated one.
func TestTheCountsOfALongConversation(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		access := d.inParts()
		counts := func(texts ...string) chat.ImportCounts {
			done, err := access.ImportFile(t.Context(), fileOf(say("long", texts...)), false)
			require.NoError(t, err)
			row, err := access.Import(t.Context(), done.ImportID)
			require.NoError(t, err)
			return row.Counts
		}
		texts := strings.Split("a b c d e f g h", " ")
		require.Equal(t, chat.ImportCounts{New: 1}, counts(texts...), "new in three parts")
		require.Equal(t, chat.ImportCounts{Unchanged: 1}, counts(texts...), "the same")
		require.Equal(t, chat.ImportCounts{Updated: 1}, counts(append(texts, "i", "j", "k", "l", "m")...), "longer by two parts")
		require.Equal(t, chat.ImportCounts{Updated: 1}, counts(append([]string{"another"}, texts[1:]...)...), "changed at the beginning")
	})
}
