package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// named returns a message of an upload with the caller's id and a text.
type named struct{ id, text string }

func says(messages ...named) chat.Upload {
	u := chat.Upload{ExternalID: "x", CreatedAt: start, UpdatedAt: start}
	for _, m := range messages {
		u.Messages = append(u.Messages, chat.UploadMessage{ExternalID: m.id, Role: "human", Text: m.text, CreatedAt: start})
	}
	return u
}

func turns(t testing.TB, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID) []chat.Message {
	t.Helper()
	stored, err := s.View(ctx).Transcript(ws, id)
	require.NoError(t, err)
	require.Equal(t, len(stored.Turns), stored.Messages)
	return stored.Turns
}

func TestRewritingKeepsTheIDsOfMessages(t *testing.T) {
	a, b, c, d, e := named{"a", "one"}, named{"b", "two"}, named{"c", "three"}, named{"d", "four"}, named{"e", "five"}
	cases := map[string]struct {
		sent, want []named
		changed    bool
	}{
		"nothing new":        {[]named{a, b, c}, []named{a, b, c}, false},
		"a tail":             {[]named{c}, []named{a, b, c}, false},
		"an edit in place":   {[]named{a, {"b", "TWO"}, c}, []named{a, {"b", "TWO"}, c}, true},
		"edits at both ends": {[]named{{"a", ""}, {"c", "x"}}, []named{{"a", ""}, b, {"c", "x"}}, true},
		"an append":          {[]named{c, d, e}, []named{a, b, c, d, e}, true},
		"an insertion":       {[]named{a, d, b}, []named{a, d, b, c}, true},
		"one before all":     {[]named{d, a}, []named{d, a, b, c}, true},
		"edited, inserted and appended": {
			[]named{{"a", "ONE"}, d, {"b", "TWO"}, c, e}, []named{{"a", "ONE"}, d, {"b", "TWO"}, c, e}, true,
		},
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		for name, change := range cases {
			ws := workspace(t, s, name)
			before := create(t, s, ws, says(a, b, c))
			indexAll(t, s, []string{"word"})

			after, merged := merge(t, s, ws, says(change.sent...))
			got := turns(t, s, ws, before.ID)
			require.Equal(t, merged.Messages, got, name)
			require.Len(t, got, len(change.want), name)
			for i, want := range change.want {
				require.Equal(t, want, named{got[i].ExternalID, got[i].Text}, name)
				require.Equal(t, i, got[i].Position, name)
				if at := slices.Index([]named{{"a", ""}, {"b", ""}, {"c", ""}}, named{want.id, ""}); at >= 0 {
					require.Equal(t, before.Turns[at].ID, got[i].ID, "%s: %s is the message it was", name, want.id)
				}
			}
			state, revision := chat.Ready, int64(1)
			if change.changed {
				state, revision = chat.Queued, 2
			}
			require.Equal(t, state, after.IndexState, name)
			require.Equal(t, revision, after.Revision, name)
			requireSound(t, db)
		}
	})
}

// Whatever is sent, the store contains the result of chat.Merge.
func TestRandomRewrites(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		random := rand.New(rand.NewPCG(1, 2))
		some := func() (messages []named) {
			for n := 1 + random.IntN(8); len(messages) < n; {
				m := named{"", fmt.Sprint("text ", random.IntN(4))}
				if random.IntN(3) > 0 {
					m.id = fmt.Sprint("m", random.IntN(12))
				}
				if m.id == "" || !slices.ContainsFunc(messages, func(o named) bool { return o.id == m.id }) {
					messages = append(messages, m)
				}
			}
			return messages
		}
		c := create(t, s, ws, says(some()...))
		for range 40 {
			_, merged := merge(t, s, ws, says(some()...))
			require.Equal(t, merged.Messages, turns(t, s, ws, c.ID))
		}
		requireSound(t, db)
	})
}

func TestAConversationOfFiveThousandMessages(t *testing.T) {
	const n = 5000
	var all []named
	for i := range n {
		all = append(all, named{fmt.Sprint("m", i), fmt.Sprint("text ", i)})
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		c := create(t, s, ws, says(all...))
		require.Equal(t, c.Turns, turns(t, s, ws, c.ID))

		middle := slices.Insert(slices.Clone(all), n/2, named{"new", "in the middle"})
		middle[10].text, middle[n].text = "edited", "edited too"
		_, merged := merge(t, s, ws, says(middle...))
		require.Equal(t, 1, merged.Added)
		got := turns(t, s, ws, c.ID)
		require.Equal(t, merged.Messages, got)
		require.Equal(t, c.Turns[n-1].ID, got[n].ID)
		require.Equal(t, "in the middle", got[n/2].Text)
		requireSound(t, db)
		require.Equal(t, []chat.ConversationID{c.ID}, remove(t, s, ws, c.ID))
		require.Zero(t, rowsOf(t, s, c.ID))
	})
}
