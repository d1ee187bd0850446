package history_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

func TestWorkspaces(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for _, name := range []string{"", " ", "a\nb", strings.Repeat("x", 101)} {
			_, err := d.operator().CreateWorkspace(t.Context(), name)
			require.True(t, fault.Is(err, fault.Invalid), "%q", name)
		}
		team, err := d.operator().CreateWorkspace(t.Context(), " team ")
		require.NoError(t, err)
		_, err = d.operator().CreateWorkspace(t.Context(), "team")
		require.True(t, fault.Is(err, fault.Conflict))
		d.Ingest(say("x", "one"))
		all, err := d.operator().Workspaces(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, chat.Workspace{ID: team, Name: "team", CreatedAt: now}, all[0])
		require.Equal(t, chat.Workspace{ID: d.WS, Name: "w", CreatedAt: now, Conversations: 1}, all[1])
	})
}

func TestDeletingAWorkspaceLeavesOneReceiptOfIt(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		_, token, err := d.operator().CreateKey(t.Context(), "w", "k", []auth.Scope{auth.Read})
		require.NoError(t, err)
		other := d.AddWorkspace("other")
		_, err = d.History.AsOperator(other).Ingest(t.Context(), say("theirs", "kept"))
		require.NoError(t, err)
		for i := range 3 {
			d.Ingest(say(fmt.Sprint(i), "the zebra", "indeed"))
		}
		d.Index()
		gone := d.Ingest(say("earlier", "one")).Conversation.ID
		_, err = d.History.AsOperator(d.WS).DeleteConversations(t.Context(), []chat.ConversationID{gone}, chat.DeleteOptions{Exclude: true})
		require.NoError(t, err)

		exported := map[chat.ConversationID]int64{}
		for c, err := range d.History.AsOperator(d.WS).Export(t.Context(), chat.Filter{}) {
			require.NoError(t, err)
			exported[c.ID] = c.Revision
		}
		refused := func(why, title string) {
			t.Helper()
			_, err := d.operator().DeleteWorkspace(t.Context(), "w", exported)
			var changed *chat.ChangedError
			require.ErrorAs(t, err, &changed, why)
			require.True(t, fault.Is(err, fault.Conflict), why)
			require.Len(t, changed.Changed, 1, why)
			require.Equal(t, title, changed.Changed[0].Title)
		}
		late := say("late", "came after the file was written")
		late.Title = "Late"
		added := d.Ingest(late).Conversation
		refused("a conversation that is not in the file", "Late")
		exported[added.ID] = added.Revision + 1
		refused("a conversation of another revision", "Late")
		exported[added.ID] = added.Revision
		_, err = d.History.AsOperator(d.WS).DeleteConversations(t.Context(), []chat.ConversationID{added.ID}, chat.DeleteOptions{})
		require.NoError(t, err)
		require.Equal(t, 3, d.Count())
		receipt, err := d.operator().DeleteWorkspace(t.Context(), "w", exported)
		require.NoError(t, err)
		require.Equal(t, auth.OperatorKeyID, receipt.KeyID)
		require.Equal(t, []int{3, 6, 3, 3}, []int{receipt.Conversations, receipt.Messages, receipt.Chunks, receipt.Embeddings})

		for _, table := range []string{"conversations", "messages", "chunks", "embeddings", "imports", "platforms", "api_keys", "tombstones"} {
			require.Zero(t, d.DB.Count(t, fmt.Sprintf("SELECT count(*) FROM %s WHERE workspace_id = %d", table, d.WS)), table)
		}
		require.Equal(t, 3, d.DB.Count(t, fmt.Sprintf("SELECT count(*) FROM deletions WHERE workspace_id = %d", d.WS)), "receipts stay")
		_, err = d.History.Authenticate(t.Context(), token)
		require.True(t, fault.Is(err, fault.Unauthenticated))
		_, err = d.operator().DeleteWorkspace(t.Context(), "w", nil)
		require.True(t, fault.Is(err, fault.NotFound))
		n, err := d.History.AsOperator(other).Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n, "one workspace's delete is nobody else's")

		again, err := d.operator().CreateWorkspace(t.Context(), "w")
		require.NoError(t, err)
		require.NotEqual(t, d.WS, again)
		page, err := d.History.AsOperator(again).Deletions(t.Context(), 1, 10)
		require.NoError(t, err)
		require.Empty(t, page.Items, "the new one of that name knows nothing of the old one")
		empty, err := d.operator().DeleteWorkspace(t.Context(), "w", nil)
		require.NoError(t, err)
		require.NotEmpty(t, empty.ID, "a receipt also of nothing")
		require.Empty(t, d.DB.Damage(t))
	})
}

// Uploads continue while their workspace is deleted. Each is stored before, and counted, or refused; nothing of any
// is left.
func TestUploadsIntoAWorkspaceThatIsDeleted(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for round := range 5 {
			name := fmt.Sprint("round ", round)
			ws := d.AddWorkspace(name)
			var mu sync.Mutex
			stored := 0
			begun := make(chan struct{}, 3)
			var people sync.WaitGroup
			for person := range 3 {
				people.Go(func() {
					for i := 0; ; i++ {
						_, err := d.History.AsOperator(ws).Ingest(t.Context(), say(fmt.Sprint(person, "-", i), "one"))
						if i == 2 {
							begun <- struct{}{}
						}
						if err == nil {
							mu.Lock()
							stored++
							mu.Unlock()
							continue
						}
						if !fault.Is(err, fault.Conflict) {
							t.Error(errors.Unwrap(err), err)
						}
						if i < 2 {
							begun <- struct{}{}
						}
						return
					}
				})
			}
			for range cap(begun) {
				<-begun
			}
			receipt, err := d.operator().DeleteWorkspace(t.Context(), name, nil)
			require.NoError(t, err)
			people.Wait()
			require.Equal(t, stored, receipt.Conversations, "what was stored before is what the receipt counts")
			require.Equal(t, stored, receipt.Messages)
		}
		require.Empty(t, d.DB.Damage(t))
	})
}
