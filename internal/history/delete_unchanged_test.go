package history_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/search"
)

func (d *desk) seen(ids ...chat.ConversationID) []chat.Seen {
	d.T.Helper()
	var all []chat.Seen
	for _, id := range ids {
		c, err := historytest.ReadAll(d.T.Context(), d.History.AsOperator(d.WS), id)
		require.NoError(d.T, err)
		all = append(all, chat.Seen{ID: id, Revision: c.Revision})
	}
	return all
}

// Any change to a conversation after it was read prevents the delete of it and of all conversations named with it.
func TestDeleteUnchangedRefusesWhatHasChanged(t *testing.T) {
	yes, title := true, "A new title"
	for name, change := range map[string]func(d *desk, id chat.ConversationID){
		"a message was added": func(d *desk, _ chat.ConversationID) { d.Ingest(say("1", "one", "two", "three")) },
		"a message was edited": func(d *desk, _ chat.ConversationID) {
			u := say("1", "one", "2")
			d.Ingest(u)
		},
		"it was renamed": func(d *desk, id chat.ConversationID) {
			_, err := d.History.AsOperator(d.WS).Edit(d.T.Context(), id, chat.Edit{Title: &title})
			require.NoError(d.T, err)
		},
		"it was pinned": func(d *desk, id chat.ConversationID) {
			_, err := d.History.AsOperator(d.WS).Edit(d.T.Context(), id, chat.Edit{Pinned: &yes})
			require.NoError(d.T, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				var ids []chat.ConversationID
				for i := range 3 {
					ids = append(ids, d.Ingest(say(fmt.Sprint(i), "one", "two")).Conversation.ID)
				}
				seen := d.seen(ids...)
				change(d, ids[1])
				_, err := d.History.AsOperator(d.WS).DeleteUnchanged(t.Context(), chat.UnchangedDelete{Seen: seen})
				var changed *chat.ChangedError
				require.ErrorAs(t, err, &changed)
				require.True(t, fault.Is(err, fault.Conflict))
				require.Equal(t, 3, changed.Of)
				require.Len(t, changed.Changed, 1)
				require.Equal(t, ids[1], changed.Changed[0].ID)
				require.Equal(t, 3, d.Count(), "nothing is deleted")
				require.NotContains(t, err.Error(), title, "a log may have the error")

				done, err := d.History.AsOperator(d.WS).DeleteUnchanged(t.Context(), chat.UnchangedDelete{Seen: d.seen(ids...), IncludePinned: true})
				require.NoError(t, err)
				require.Equal(t, ids, done.IDs)
				require.Equal(t, 3, done.Receipt.Conversations)
				require.Empty(t, d.DB.Damage(t))
			})
		})
	}
}

func TestDeleteUnchangedIsADeleteLikeAnyOther(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		one, two := d.Ingest(say("1", "one")).Conversation.ID, d.Ingest(say("2", "two")).Conversation.ID
		seen := d.seen(two, one)
		other := d.AddWorkspace("other")
		foreign, err := d.History.AsOperator(other).Ingest(t.Context(), say("3", "theirs"))
		require.NoError(t, err)
		_, err = d.History.AsOperator(d.WS).DeleteConversations(t.Context(), []chat.ConversationID{one}, chat.DeleteOptions{})
		require.NoError(t, err)
		asked := append(seen, chat.Seen{ID: foreign.Conversation.ID, Revision: 1}, chat.Seen{ID: "no id"},
			chat.Seen{ID: chat.ConversationID(strings.ToUpper(string(two))), Revision: seen[0].Revision}, chat.Seen{ID: chat.ConversationID(chat.NewID()), Revision: 9})
		done, err := d.History.AsOperator(d.WS).DeleteUnchanged(t.Context(), chat.UnchangedDelete{Seen: asked, DeleteOptions: chat.DeleteOptions{Exclude: true}})
		require.NoError(t, err)
		require.Equal(t, []chat.ConversationID{two}, done.IDs, "what is deleted already, unknown or another's is left out")
		n, err := d.History.AsOperator(other).Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)

		for _, wrong := range [][]chat.Seen{nil, make([]chat.Seen, 100_001), {{ID: two, Revision: 1}, {ID: two, Revision: 2}}} {
			_, err := d.History.AsOperator(d.WS).DeleteUnchanged(t.Context(), chat.UnchangedDelete{Seen: wrong})
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		}
	})
}

// Uploads and deletes of the same conversation race. The text of an upload is in the conversation, or was in what the
// delete had read: none is lost.
func TestDeleteUnchangedAndUploadsRace(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for round := range 10 {
			name := fmt.Sprint(round)
			id := d.Ingest(say(name, "one")).Conversation.ID
			seen := d.seen(id)
			var both sync.WaitGroup
			var deleteErr, uploadErr error
			both.Go(func() {
				_, deleteErr = d.History.AsOperator(d.WS).DeleteUnchanged(t.Context(), chat.UnchangedDelete{Seen: seen})
			})
			both.Go(func() { _, uploadErr = d.History.AsOperator(d.WS).Ingest(t.Context(), say(name, "one", "two")) })
			both.Wait()
			require.NoError(t, uploadErr)
			stored := d.Count()
			require.Equal(t, 1, stored, "the upload came first and the delete refused, or it came second and is stored again")
			if deleteErr != nil {
				require.True(t, fault.Is(deleteErr, fault.Conflict), "%v", deleteErr)
			}
			_, _, err := d.History.AsOperator(d.WS).DeleteMatching(t.Context(), chat.MatchingDelete{All: true})
			require.NoError(t, err)
		}
		require.Empty(t, d.DB.Damage(t))
	})
}

// A re-send that changes only the dates of a conversation changes what an export of it contains, so a delete after
// the export is refused. The index stays as it is, because it contains no dates.
func TestNewDatesAreAChangeThatNeedsNoIndexing(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		u := say("x", "hello")
		u.CreatedAt, u.UpdatedAt = day, day
		indexed := d.Ingest(u).Conversation.ID
		require.Equal(t, 1, d.Index())
		u.ExternalID = "y"
		waiting := d.Ingest(u).Conversation.ID
		for name, change := range map[string]func(*chat.Upload){
			"the date of creation": func(u *chat.Upload) { u.CreatedAt = u.CreatedAt.Add(-time.Hour) },
			"the last change":      func(u *chat.Upload) { u.UpdatedAt = u.UpdatedAt.Add(time.Hour) },
		} {
			for id, externalID := range map[chat.ConversationID]string{indexed: "x", waiting: "y"} {
				seen, before := d.seen(id), d.Transcript(id)
				u.ExternalID, u.CreatedAt, u.UpdatedAt = externalID, before.CreatedAt, before.UpdatedAt
				d.Ingest(u)
				require.Equal(t, seen, d.seen(id), "the same again is no change")
				change(&u)
				after := d.Ingest(u).Conversation
				require.Equal(t, before.IndexState, after.IndexState, name)
				_, err := d.History.AsOperator(d.WS).DeleteUnchanged(t.Context(), chat.UnchangedDelete{Seen: seen})
				require.ErrorAs(t, err, new(*chat.ChangedError), name)
			}
		}
		require.Equal(t, 1, d.Index(), "only what was waiting")
		require.Len(t, d.Search(search.Query{Text: "hello"}).Hits, 2)
		require.Empty(t, d.DB.Damage(t))
		_, err := d.History.AsOperator(d.WS).DeleteUnchanged(t.Context(), chat.UnchangedDelete{Seen: d.seen(indexed, waiting)})
		require.NoError(t, err)
	})
}
