package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// changed stores a conversation whose last change was n minutes after the clocks' start.
func changed(t testing.TB, s *store.Store, ws chat.WorkspaceID, platform string, minute int) chat.Conversation {
	t.Helper()
	u := upload(fmt.Sprint(platform, " ", minute, " ", chat.NewID()), "one", "two")
	u.Platform, u.UpdatedAt = platform, start.Add(time.Duration(minute)*time.Minute)
	return create(t, s, ws, u).Conversation
}

func window(fromMinute, beforeMinute int, sources ...string) chat.Window {
	return chat.Window{
		From: start.Add(time.Duration(fromMinute) * time.Minute), Before: start.Add(time.Duration(beforeMinute) * time.Minute),
		Sources: sources,
	}
}

func older(t testing.TB, s *store.Store, ws chat.WorkspaceID, w chat.Window, than *chat.Place, n int) []chat.ConversationID {
	t.Helper()
	found, err := s.View(ctx).Older(ws, w, than, n)
	require.NoError(t, err)
	return conversationIDs(found)
}

func newer(t testing.TB, s *store.Store, ws chat.WorkspaceID, w chat.Window, than chat.Place, n int) []chat.ConversationID {
	t.Helper()
	found, err := s.View(ctx).Newer(ws, w, than, n)
	require.NoError(t, err)
	return conversationIDs(found)
}

func conversationIDs(list []chat.Conversation) []chat.ConversationID {
	ids := []chat.ConversationID{}
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	return ids
}

// Places are ordered by time and then by id, in both directions, whether a conversation
// has that place or not.
func TestWalkFollowsTheOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		var all []chat.Conversation
		for _, minute := range []int{5, 1, 3, 3, 3, 9, 0, 10} {
			all = append(all, changed(t, s, ws, "custom", minute))
			changed(t, s, other, "custom", minute)
		}
		slices.SortFunc(all, func(a, b chat.Conversation) int {
			return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), strings.Compare(string(b.ID), string(a.ID)))
		})
		want := conversationIDs(all)[1:] // the window does not include its end
		w := window(0, 10)
		require.Equal(t, want, older(t, s, ws, w, nil, 100))
		require.Equal(t, want[:3], older(t, s, ws, w, nil, 3))
		for i, c := range all[1:] {
			place := chat.PlaceOf(c)
			require.Equal(t, want[i+1:], older(t, s, ws, w, &place, 100))
			back := newer(t, s, ws, w, place, 100)
			slices.Reverse(back)
			require.Equal(t, want[:i], back)
			if i > 0 {
				require.Equal(t, want[i-1:i], newer(t, s, ws, w, place, 1), "the nearest comes first")
			}
		}
		edge := chat.Edge(start.Add(3 * time.Minute))
		require.Equal(t, want[5:], older(t, s, ws, w, &edge, 100))
		require.Len(t, newer(t, s, ws, w, edge, 100), 5)

		first, last := chat.Edge(w.Before), chat.Edge(w.From)
		require.Equal(t, want, older(t, s, ws, w, &first, 100))
		require.Len(t, newer(t, s, ws, w, last, 100), len(want))
		require.Empty(t, older(t, s, ws, w, &last, 100))
		require.Empty(t, newer(t, s, ws, w, first, 100))
	})
}

func TestWalkThroughPlatforms(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		a, b, c := changed(t, s, ws, "a", 1).ID, changed(t, s, ws, "b", 2).ID, changed(t, s, ws, "c", 3).ID
		for _, test := range []struct {
			sources []string
			want    []chat.ConversationID
		}{
			{nil, []chat.ConversationID{c, b, a}},
			{[]string{"a"}, []chat.ConversationID{a}},
			{[]string{"a", "c"}, []chat.ConversationID{c, a}},
			{[]string{"A"}, []chat.ConversationID{}},
			{[]string{"nothing"}, []chat.ConversationID{}},
			{[]string{"\x00", "\xff", "a b"}, []chat.ConversationID{}},
			{[]string{"\x00", "b"}, []chat.ConversationID{b}},
		} {
			require.Equal(t, test.want, older(t, s, ws, window(0, 10, test.sources...), nil, 10), "%q", test.sources)
			slices.Reverse(test.want)
			require.Equal(t, test.want, newer(t, s, ws, window(0, 10, test.sources...), chat.Edge(start), 10), "%q", test.sources)
		}
	})
}

// A step of a walk reads only the rows of its page, whatever the number of conversations
// before it, because an index has this order.
func TestWalkIsServedByAnIndex(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		var fresh []chat.Transcript
		for i := range 3000 {
			c := transcript(t, fmt.Sprint(i), "text")
			c.UpdatedAt = start.Add(time.Duration(i) * time.Second)
			fresh = append(fresh, c)
		}
		createAll(t, s, ws, fresh...)
		require.NoError(t, store.DB(s).Exec("ANALYZE").Error)
		middle := chat.PlaceOf(fresh[1500].Conversation)
		w := chat.Window{From: start, Before: start.Add(time.Hour)}
		for name, step := range map[string]func(v *store.View) error{
			"from the beginning": func(v *store.View) error { _, err := v.Older(ws, w, nil, 50); return err },
			"older":              func(v *store.View) error { _, err := v.Older(ws, w, &middle, 50); return err },
			"newer":              func(v *store.View) error { _, err := v.Newer(ws, w, middle, 50); return err },
		} {
			plan := planOf(t, s, step)
			require.Regexp(t, "conversations_newest|_workspace_id_updated_at_id_idx", plan, name) // the index of a partition has another name
			for _, sorted := range []string{"Sort", "TEMP B-TREE", "Seq Scan", "Bitmap"} {
				require.NotContains(t, plan, sorted, name)
			}
		}
	})
}

// planOf returns the plan of the one statement that do sends.
func planOf(t *testing.T, s *store.Store, do func(v *store.View) error) string {
	t.Helper()
	var statement string
	var values []any
	queries := store.Handle(s.View(ctx)).Callback().Query().After("gorm:query")
	require.NoError(t, queries.Register("test:plan", func(db *gorm.DB) {
		statement, values = db.Statement.SQL.String(), slices.Clone(db.Statement.Vars)
	}))
	require.NoError(t, do(s.View(ctx)))
	explain := "EXPLAIN "
	if s.Name() == storetest.SQLite {
		explain = "EXPLAIN QUERY PLAN "
	}
	rows, err := store.Pools(s)[0].QueryContext(ctx, explain+statement, values...)
	require.NoError(t, err)
	defer rows.Close() //nolint:errcheck // Err reports the error
	columns, err := rows.Columns()
	require.NoError(t, err)
	var lines []string
	for rows.Next() {
		into := make([]any, len(columns)) // the last column describes the step
		for i := range into {
			into[i] = new(any)
		}
		require.NoError(t, rows.Scan(into...))
		lines = append(lines, fmt.Sprint(*into[len(into)-1].(*any)))
	}
	require.NoError(t, rows.Err())
	return strings.Join(lines, "\n")
}

func TestTextSizesAndTranscripts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		a, b := added(t, s, ws, "a", "one", "zwölf", "船"), added(t, s, ws, "b", "")
		theirs := added(t, s, other, "a", "not yours")
		asked := []chat.Conversation{b.Conversation, theirs.Conversation, a.Conversation}
		sizes, err := s.View(ctx).TextSizes(ws, asked)
		require.NoError(t, err)
		require.Equal(t, map[chat.ConversationID]int{a.ID: 3 + 6 + 3, b.ID: 0}, sizes)

		all, err := s.View(ctx).Transcripts(ws, asked)
		require.NoError(t, err)
		require.Len(t, all, 3)
		require.Empty(t, all[1].Turns, "another workspace's messages are not read")
		for i, want := range map[int]chat.Transcript{0: b, 2: a} {
			whole, err := s.View(ctx).Transcript(ws, want.ID)
			require.NoError(t, err)
			require.Equal(t, whole.Turns, all[i].Turns)
		}
		none, err := s.View(ctx).Transcripts(ws, nil)
		require.NoError(t, err)
		require.Empty(t, none)
		sizes, err = s.View(ctx).TextSizes(ws, nil)
		require.NoError(t, err)
		require.Empty(t, sizes)
	})
}

// A conversation keeps its place while it is stored, and its last one after it was
// deleted, for callers in its workspace who know its id.
func TestPlaces(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		a, b := changed(t, s, ws, "custom", 1), changed(t, s, ws, "custom", 1) // at the same time
		theirs := changed(t, s, other, "custom", 2)
		place := func(ws chat.WorkspaceID, id chat.ConversationID) chat.Place {
			t.Helper()
			found, err := s.View(ctx).Place(ws, id)
			require.NoError(t, err)
			return found
		}
		unknown := func(ws chat.WorkspaceID, ids ...chat.ConversationID) {
			t.Helper()
			for _, id := range ids {
				_, err := s.View(ctx).Place(ws, id)
				require.True(t, fault.Is(err, fault.NotFound), "%v", err)
				require.True(t, fault.Is(err, fault.NotFound), "%v", err)
			}
		}
		require.Equal(t, chat.PlaceOf(a), place(ws, a.ID))
		unknown(ws, theirs.ID, chat.ConversationID(chat.NewID()))
		unknown(other, a.ID, b.ID)

		remove(t, s, ws, a.ID, b.ID)
		remove(t, s, other, theirs.ID)
		require.Equal(t, chat.PlaceOf(a), place(ws, a.ID))
		require.Equal(t, chat.PlaceOf(b), place(ws, b.ID))
		require.Equal(t, chat.PlaceOf(theirs), place(other, theirs.ID))
		unknown(ws, theirs.ID, chat.ConversationID(chat.NewID()))
		unknown(other, a.ID, b.ID)

		// The place is encrypted: equal places look different, and none looks like its
		// plain form.
		var sealed []int64
		require.NoError(t, store.DB(s).Raw("SELECT sealed_place FROM tombstones WHERE workspace_id = ?", int64(ws)).Scan(&sealed).Error)
		require.Len(t, sealed, 2)
		require.NotEqual(t, sealed[0], sealed[1])
		const year = 365 * 24 * 3600 * 1e6
		for _, n := range sealed {
			require.False(t, n > a.UpdatedAt.UnixMicro()-year && n < a.UpdatedAt.UnixMicro()+year, "%d is a time", n)
		}

		// The place is deleted with its tombstone; older tombstones have none.
		inTx(t, s, func(tx *store.Tx) error { return tx.RemoveTombstone(ws, a.Platform, a.ExternalID) })
		unknown(ws, a.ID)
		require.NoError(t, store.DB(s).Exec("UPDATE tombstones SET sealed_place = NULL WHERE workspace_id = ?", int64(ws)).Error)
		unknown(ws, b.ID)
		inTx(t, s, func(tx *store.Tx) error {
			_, err := tx.DeleteWorkspace(other, chat.DeleteOptions{})
			return err
		})
		unknown(other, theirs.ID)

		// After a second delete of the same name, it is another conversation.
		again := b
		again.ID = create(t, s, ws, namesake(t, b)).ID
		remove(t, s, ws, again.ID)
		unknown(ws, b.ID)
		require.Equal(t, again.ID, place(ws, again.ID).ID)
	})
}

// namesake returns an upload of a conversation with the same name.
func namesake(t testing.TB, c chat.Conversation) chat.Upload {
	t.Helper()
	u := upload(c.ExternalID, "one", "two")
	u.Platform = c.Platform
	return u
}
