package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/search"
)

func TestDeleteRules(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var mine []chat.ConversationID
		for i := range 8 {
			mine = append(mine, d.Ingest(say(fmt.Sprint(i), "one", "two")).Conversation.ID)
		}
		other := d.AddWorkspace("other")
		foreign, err := d.History.AsOperator(other).Ingest(t.Context(), say("x", "text"))
		require.NoError(t, err)
		yes := true
		_, err = d.History.AsOperator(d.WS).Edit(t.Context(), mine[7], chat.Edit{Pinned: &yes})
		require.NoError(t, err)
		many := func(n int, of ...chat.ConversationID) []chat.ConversationID {
			for len(of) < n {
				of = append(of, chat.ConversationID(chat.NewID()))
			}
			return of
		}
		for _, c := range []struct {
			name  string
			asked []chat.ConversationID
			want  []chat.ConversationID
			left  int
		}{
			{"none", nil, nil, 8},
			{"an empty list", []chat.ConversationID{}, nil, 8},
			{"10,001", many(10_001, mine...), nil, 8},
			{"unknown", []chat.ConversationID{chat.ConversationID(chat.NewID())}, []chat.ConversationID{}, 8},
			{"another workspace's", []chat.ConversationID{foreign.Conversation.ID}, []chat.ConversationID{}, 8},
			{"malformed", []chat.ConversationID{"", "x", mine[0][1:], mine[0] + " ", "{" + mine[0] + "}", chat.ConversationID(strings.ReplaceAll(string(mine[0]), "-", "")), "\x00", "\xff", "%"}, []chat.ConversationID{}, 8},
			{"one", []chat.ConversationID{mine[3]}, []chat.ConversationID{mine[3]}, 7},
			{"the same again", []chat.ConversationID{mine[3]}, []chat.ConversationID{}, 7},
			{"in the order of the request, once, in small letters", []chat.ConversationID{mine[5], "x", chat.ConversationID(strings.ToUpper(string(mine[1]))), mine[5], chat.ConversationID(chat.NewID()), mine[0], mine[1]}, []chat.ConversationID{mine[5], mine[1], mine[0]}, 4},
			{"10,000, a pinned one among them", slices.Insert(many(9_999, mine[2]), 5_000, mine[7]), []chat.ConversationID{mine[2], mine[7]}, 2},
			{"more than 10,000 are too many even when they repeat", slices.Repeat([]chat.ConversationID{mine[4]}, 10_001), nil, 2},
		} {
			got, err := d.History.AsOperator(d.WS).DeleteConversations(t.Context(), c.asked, chat.DeleteOptions{})
			if c.want == nil {
				require.True(t, fault.Is(err, fault.Invalid), "%s: %v", c.name, err)
			} else {
				require.NoError(t, err, c.name)
				require.Equal(t, c.want, got.IDs, c.name)
				require.Equal(t, len(c.want), got.Receipt.Conversations, c.name)
			}
			require.Equal(t, c.left, d.Count(), c.name)
		}
		n, err := d.History.AsOperator(other).Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Empty(t, d.DB.Damage(t))
	})
}

func TestADeletedConversationIsNowhere(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		gone := d.Ingest(say("gone", "the zebra ate my homework", "that is unfortunate")).Conversation.ID
		kept := d.Ingest(say("kept", "another zebra", "indeed")).Conversation.ID
		d.Index()
		require.Len(t, d.Search(search.Query{Text: "zebra homework"}).Hits, 2)
		_, err := d.History.AsOperator(d.WS).DeleteConversations(t.Context(), []chat.ConversationID{gone}, chat.DeleteOptions{})
		require.NoError(t, err)
		for _, mode := range []search.Mode{search.Hybrid, search.Semantic, search.Keyword} {
			hits := d.Search(search.Query{Text: "zebra homework", Mode: mode}).Hits
			require.Len(t, hits, 1, mode)
			require.Equal(t, kept, hits[0].ConversationID)
		}
		require.NotContains(t, d.Recall(recall.Query{Text: "zebra homework"}).Content, "homework")
		require.Empty(t, d.DB.Mentions(t, "homework"), "in no table and no index")
		require.NotEmpty(t, d.DB.Mentions(t, "zebra"))
	})
}
