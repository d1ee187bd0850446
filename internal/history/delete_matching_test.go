package history_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// shelf uploads six conversations, two of them pinned, and returns their ids.
func (d *desk) shelf() (ids []chat.ConversationID) {
	yes := true
	for i := range 6 {
		u := say(fmt.Sprint(i), "one", "two")
		u.Title = fmt.Sprintf("Trip %d to LISBON", i%3)
		u.Platform = []string{"chatgpt", "claude"}[i%2]
		u.CreatedAt = time.Date(2026, 1, 1+i, 12, 0, 0, 0, time.UTC)
		ids = append(ids, d.Ingest(u).Conversation.ID)
	}
	for _, id := range ids[4:] {
		_, err := d.History.AsOperator(d.WS).Edit(d.T.Context(), id, chat.Edit{Pinned: &yes})
		require.NoError(d.T, err)
	}
	return ids
}

func TestDeleteMatchingTakesWhatTheFilterSelects(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
		two, seven := 2, 7
		for _, c := range []struct {
			name  string
			m     chat.MatchingDelete
			takes []int
			kind  fault.Kind // of the error; zero when the delete succeeds
		}{
			{"a platform", chat.MatchingDelete{Filter: chat.Filter{Platform: "chatgpt"}}, []int{0, 2}, fault.Internal},
			{"a platform, pinned too", chat.MatchingDelete{Filter: chat.Filter{Platform: "chatgpt"}, IncludePinned: true}, []int{0, 2, 4}, fault.Internal},
			{"a title", chat.MatchingDelete{Filter: chat.Filter{Title: "1 to lisbon"}}, []int{1}, fault.Internal},
			{"a time", chat.MatchingDelete{Filter: chat.Filter{From: day(2), Before: day(4)}, Expected: &two}, []int{1, 2}, fault.Internal},
			{"only pinned", chat.MatchingDelete{Filter: chat.Filter{PinnedOnly: true}}, []int{4, 5}, fault.Internal},
			{"all that is not pinned", chat.MatchingDelete{All: true}, []int{0, 1, 2, 3}, fault.Internal},
			{"all", chat.MatchingDelete{All: true, IncludePinned: true}, []int{0, 1, 2, 3, 4, 5}, fault.Internal},
			{"nothing matches", chat.MatchingDelete{Filter: chat.Filter{Title: "Porto"}}, []int{}, fault.Internal},
			{"an import that never was", chat.MatchingDelete{Filter: chat.Filter{ImportID: chat.NewID()}}, []int{}, fault.Internal},
			{"an impossible platform", chat.MatchingDelete{Filter: chat.Filter{Platform: "no such"}}, []int{}, fault.Internal},
			{"no filter", chat.MatchingDelete{}, nil, fault.Invalid},
			{"no filter, pinned too", chat.MatchingDelete{IncludePinned: true}, nil, fault.Invalid},
			{"no filter, of which the caller only says what is spared", chat.MatchingDelete{Filter: chat.Filter{Unpinned: true}}, nil, fault.Invalid},
			{"a filter and all", chat.MatchingDelete{Filter: chat.Filter{Title: "Porto"}, All: true}, nil, fault.Invalid},
			{"another number", chat.MatchingDelete{Filter: chat.Filter{Platform: "chatgpt"}, Expected: &seven}, nil, fault.Conflict},
		} {
			_, _, err := d.History.AsOperator(d.WS).DeleteMatching(t.Context(), chat.MatchingDelete{All: true, IncludePinned: true})
			require.NoError(t, err)
			ids := d.shelf()
			m := c.m
			m.DryRun = true
			n, deleted, err := d.History.AsOperator(d.WS).DeleteMatching(t.Context(), m)
			require.Equal(t, len(ids), d.Count(), "%s: a dry run deletes nothing", c.name)
			require.Empty(t, deleted.Receipt)
			if c.takes == nil {
				require.True(t, fault.Is(err, c.kind), "%s: %v", c.name, err)
			} else {
				require.NoError(t, err, c.name)
				require.Equal(t, len(c.takes), n, c.name)
				require.Equal(t, []chat.ConversationID{}, deleted.IDs)
			}

			n, deleted, err = d.History.AsOperator(d.WS).DeleteMatching(t.Context(), c.m)
			if c.takes == nil {
				require.True(t, fault.Is(err, c.kind), "%s: %v", c.name, err)
				require.Equal(t, len(ids), d.Count(), c.name)
				continue
			}
			require.NoError(t, err, c.name)
			want := []chat.ConversationID{}
			for _, i := range c.takes {
				want = append(want, ids[i])
			}
			require.Equal(t, want, deleted.IDs, c.name)
			require.Equal(t, len(want), n)
			require.Equal(t, len(ids)-len(want), d.Count(), c.name)
			require.Equal(t, len(want), deleted.Receipt.Conversations)
			require.Equal(t, 2*len(want), deleted.Receipt.Messages)
			require.Empty(t, d.DB.Damage(t))
		}
	})
}

// More than one page, and more than one statement, are deleted in one transaction.
func TestDeleteMatchingTakesMoreThanAPage(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		const n = 253
		for i := range n {
			d.Ingest(say(fmt.Sprint(i), "one"))
		}
		got, deleted, err := d.History.AsOperator(d.WS).DeleteMatching(t.Context(), chat.MatchingDelete{All: true})
		require.NoError(t, err)
		require.Equal(t, n, got)
		require.Len(t, deleted.IDs, n)
		require.Zero(t, d.Count())
		page, err := d.History.AsOperator(d.WS).Deletions(t.Context(), 1, 10)
		require.NoError(t, err)
		require.Equal(t, 1, page.Total, "one receipt")
	})
}

// Uploads and other deletes change what a filter selects while it deletes. Each conversation is reported by exactly
// one delete, and is deleted when it is reported.
func TestDeletesByFilterAndByIDShareTheWork(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var ids []chat.ConversationID
		for i := range 60 {
			ids = append(ids, d.Ingest(say(fmt.Sprint(i), "one")).Conversation.ID)
		}
		var mu sync.Mutex
		reported := map[chat.ConversationID]int{}
		var callers sync.WaitGroup
		report := func(gone []chat.ConversationID, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			for _, id := range gone {
				reported[id]++
			}
		}
		for w := range 2 {
			callers.Go(func() {
				_, deleted, err := d.History.AsOperator(d.WS).DeleteMatching(t.Context(), chat.MatchingDelete{All: true})
				report(deleted.IDs, err)
			})
			callers.Go(func() {
				deleted, err := d.History.AsOperator(d.WS).DeleteConversations(t.Context(), ids[w*20:w*20+30], chat.DeleteOptions{})
				report(deleted.IDs, err)
			})
		}
		callers.Wait()
		require.Len(t, reported, len(ids))
		for id, times := range reported {
			require.Equal(t, 1, times, id)
		}
		require.Zero(t, d.Count())
		require.Empty(t, d.DB.Damage(t))
	})
}

func TestLiftedExclusionsLetUploadsIn(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var ids []chat.ConversationID
		for i := range 3 {
			ids = append(ids, d.Ingest(say(fmt.Sprint(i), "one")).Conversation.ID)
		}
		_, err := d.History.AsOperator(d.WS).DeleteConversations(t.Context(), ids, chat.DeleteOptions{Exclude: true})
		require.NoError(t, err)
		lift := func(l chat.Lift) int {
			lifted, err := d.History.AsOperator(d.WS).LiftExclusions(t.Context(), l)
			require.NoError(t, err)
			return lifted.Conversations
		}
		excluded := func() (n int) {
			for i := range ids {
				if d.Ingest(say(fmt.Sprint(i), "one")).Conversation.IndexState == chat.Excluded {
					n++
				}
			}
			return n
		}
		require.Equal(t, 3, excluded())
		for _, l := range []chat.Lift{
			{IDs: []chat.ConversationID{chat.ConversationID(chat.NewID()), "x"}}, {ExternalIDs: []string{"0"}, Platform: "elsewhere"}, {ExternalIDs: []string{"nobody", string(ids[0])}},
		} {
			require.Zero(t, lift(l))
		}
		n, err := d.History.AsOperator(d.AddWorkspace("other")).LiftExclusions(t.Context(), chat.Lift{IDs: ids})
		require.NoError(t, err)
		require.Zero(t, n, "another workspace's are unknown")
		require.Equal(t, 2, lift(chat.Lift{IDs: ids[:1], ExternalIDs: []string{"0", "1"}}), "each counts once")
		require.Zero(t, lift(chat.Lift{IDs: ids[:2]}))
		require.Equal(t, 1, excluded())
		require.Equal(t, 2, d.Count())
		for _, l := range []chat.Lift{{}, {Platform: "chatgpt"}, {IDs: make([]chat.ConversationID, 10_001)}} {
			_, err := d.History.AsOperator(d.WS).LiftExclusions(t.Context(), l)
			require.True(t, fault.Is(err, fault.Invalid))
		}
	})
}
