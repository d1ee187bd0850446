package history_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// said stores a conversation that was last changed this many minutes before now.
func (d *desk) said(id string, minutesAgo int, texts ...string) chat.ConversationID {
	d.T.Helper()
	if len(texts) == 0 {
		texts = []string{"one", "two"}
	}
	u := say(id, texts...)
	u.UpdatedAt = now.Add(-time.Duration(minutesAgo) * time.Minute)
	return d.Ingest(u).Conversation.ID
}

func (d *desk) walk(q chat.WalkQuery) history.WalkPage {
	d.T.Helper()
	page, err := d.History.AsOperator(d.WS).Walk(d.T.Context(), q)
	require.NoError(d.T, err)
	return page
}

func walked(page history.WalkPage) []chat.ConversationID {
	ids := []chat.ConversationID{}
	for _, item := range page.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

func (d *desk) delete(ids ...chat.ConversationID) {
	d.T.Helper()
	gone, err := d.History.AsOperator(d.WS).DeleteConversations(d.T.Context(), ids, chat.DeleteOptions{})
	require.NoError(d.T, err)
	require.ElementsMatch(d.T, ids, gone.IDs)
}

func TestWalkThereAndBack(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var all []chat.ConversationID // newest first
		for i := range 7 {
			all = append(all, d.said(fmt.Sprint(i), i/2, fmt.Sprint("text ", i)))
		}
		slices.Sort(all[0:2]) // the larger id is first when the times are equal
		slices.Reverse(all[0:2])
		slices.Sort(all[2:4])
		slices.Reverse(all[2:4])
		slices.Sort(all[4:6])
		slices.Reverse(all[4:6])
		d.said("too old", 8*24*60)

		first := d.walk(chat.WalkQuery{Size: 3})
		require.Equal(t, all[:3], walked(first))
		require.True(t, first.More)
		require.Empty(t, first.Newer, "there is nothing before the beginning")
		require.Equal(t, all[2], first.Older, "it is the id of the last one")
		require.Equal(t, "text ", first.Items[0].Turns[0].Text[:5], "with their messages")

		second := d.walk(chat.WalkQuery{Size: 3, Cursor: first.Older})
		require.Equal(t, all[3:6], walked(second))
		require.True(t, second.More)
		third := d.walk(chat.WalkQuery{Size: 3, Cursor: second.Older})
		require.Equal(t, all[6:], walked(third))
		require.False(t, third.More)
		require.Empty(t, third.Older)

		back := d.walk(chat.WalkQuery{Size: 3, Cursor: third.Newer, Newer: true})
		require.Equal(t, all[3:6], walked(back), "newest first in this direction too")
		require.True(t, back.More)
		require.Equal(t, []chat.ConversationID{all[3], all[5]}, []chat.ConversationID{back.Newer, back.Older}, "of the first one, and of the last one")
		again := d.walk(chat.WalkQuery{Size: 3, Cursor: back.Newer, Newer: true})
		require.Equal(t, all[:3], walked(again))
		require.False(t, again.More)
		require.Empty(t, again.Newer)
		require.Equal(t, first.Older, again.Older)

		require.Equal(t, all, walked(d.walk(chat.WalkQuery{})), "without a size there are fifty")
		require.Equal(t, all, walked(d.walk(chat.WalkQuery{Newer: true})), "without a cursor there is no direction")
		exact := d.walk(chat.WalkQuery{Size: 7})
		require.Equal(t, all, walked(exact))
		require.False(t, exact.More)
		require.Empty(t, exact.Older)

		// Any id will do.
		require.Equal(t, all[3:], walked(d.walk(chat.WalkQuery{Cursor: chat.ConversationID(strings.ToUpper(string(all[2])))})))
		require.Equal(t, all[:2], walked(d.walk(chat.WalkQuery{Cursor: all[2], Newer: true})))
	})
}

// The most common walk: list, delete what was listed, continue.
func TestWalkGoesOnWhenItsPageIsDeleted(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for i := range 10 {
			d.said(fmt.Sprint(i), i)
		}
		seen, cursor := 0, chat.ConversationID("")
		for {
			page := d.walk(chat.WalkQuery{Size: 4, Cursor: cursor})
			seen += len(page.Items)
			d.delete(walked(page)...)
			if page.Older == "" {
				break
			}
			cursor = page.Older
		}
		require.Equal(t, 10, seen)
		require.Zero(t, d.Count())

		// The conversations ahead are deleted. The way back lists all that are left.
		a, b := d.said("a", 1), d.said("b", 2)
		page := d.walk(chat.WalkQuery{Size: 1})
		require.Equal(t, []chat.ConversationID{a}, walked(page))
		d.delete(b)
		empty := d.walk(chat.WalkQuery{Size: 1, Cursor: page.Older})
		require.Empty(t, empty.Items)
		require.False(t, empty.More)
		require.Empty(t, empty.Older)
		require.Empty(t, empty.Newer, "nothing is newer than the last page's last one")
		z := d.said("z", 0)
		empty = d.walk(chat.WalkQuery{Size: 1, Cursor: page.Older})
		require.Equal(t, page.Older, empty.Newer)
		require.Equal(t, []chat.ConversationID{z}, walked(d.walk(chat.WalkQuery{Size: 1, Cursor: empty.Newer, Newer: true})))
		d.delete(z)

		c := d.said("c", 3)
		last := d.walk(chat.WalkQuery{Size: 1, Cursor: a})
		require.Equal(t, []chat.ConversationID{c}, walked(last))
		require.Equal(t, c, last.Newer)
		d.delete(a)
		empty = d.walk(chat.WalkQuery{Size: 1, Cursor: last.Newer, Newer: true})
		require.Empty(t, empty.Items)
		require.Empty(t, empty.Newer)
		require.Empty(t, empty.Older)
		e := d.said("e", 4)
		empty = d.walk(chat.WalkQuery{Size: 1, Cursor: last.Newer, Newer: true})
		require.Equal(t, c, empty.Older)
		require.Equal(t, []chat.ConversationID{e}, walked(d.walk(chat.WalkQuery{Size: 1, Cursor: empty.Older})))
		d.delete(c, e)
		empty = d.walk(chat.WalkQuery{Size: 1, Cursor: last.Newer, Newer: true})
		require.Equal(t, chat.WalkPage{Items: []chat.Transcript{}}, empty.WalkPage)
	})
}

// A changed conversation moves to the front, and a walk continues from there: no older conversation is left out.
func TestWalkGoesOnWhenItsCursorIsSentAgain(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		a, b, c := d.said("a", 1), d.said("b", 2), d.said("c", 3)
		page := d.walk(chat.WalkQuery{Size: 2})
		require.Equal(t, b, page.Older)
		require.Equal(t, b, d.said("b", 0, "one", "two", "three"))
		page = d.walk(chat.WalkQuery{Size: 2, Cursor: page.Older})
		require.Equal(t, []chat.ConversationID{a, c}, walked(page))
		require.Equal(t, a, page.Newer)
		require.Equal(t, []chat.ConversationID{b}, walked(d.walk(chat.WalkQuery{Cursor: page.Newer, Newer: true})))

		// After it was deleted, the walk continues from its last place.
		d.delete(b)
		require.Equal(t, []chat.ConversationID{a, c}, walked(d.walk(chat.WalkQuery{Cursor: b})))
	})
}

// In a window that ends in the past, nothing is left out in either direction: a changed conversation is no longer in
// the window, and the walk begins again.
func TestWalkBeginsAgainWhenItsCursorHasLeftTheWindow(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		a, b, c, e := d.said("a", 10), d.said("b", 20), d.said("c", 30), d.said("e", 40)
		until := now.Add(-5 * time.Minute)
		page := d.walk(chat.WalkQuery{Size: 2, Until: until, Cursor: e, Newer: true})
		require.Equal(t, []chat.ConversationID{b, c}, walked(page))
		require.Equal(t, b, d.said("b", 0, "one", "two", "three"))
		page = d.walk(chat.WalkQuery{Size: 2, Until: until, Cursor: page.Newer, Newer: true})
		require.Equal(t, []chat.ConversationID{c, e}, walked(page))
		require.Equal(t, []chat.ConversationID{a}, walked(d.walk(chat.WalkQuery{Size: 2, Until: until, Cursor: page.Newer, Newer: true})))
		require.Equal(t, []chat.ConversationID{a, c, e}, walked(d.walk(chat.WalkQuery{Until: until, Cursor: b})))
		d.delete(a, c, e)
		require.Equal(t, chat.WalkPage{Items: []chat.Transcript{}}, d.walk(chat.WalkQuery{Until: until, Cursor: b, Newer: true}).WalkPage)
	})
}

func TestWalkRefuses(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		again := d.said("again", 1)
		d.delete(again)
		require.NotEqual(t, again, d.said("again", 1), "an upload of what was deleted makes a new one")
		theirs, err := d.History.AsOperator(d.AddWorkspace("other")).Ingest(t.Context(), say("theirs", "one"))
		require.NoError(t, err)
		theirsGone, err := d.History.AsOperator(d.AddWorkspace("other")).Ingest(t.Context(), say("theirs too", "one"))
		require.NoError(t, err)
		_, err = d.History.AsOperator(d.AddWorkspace("other")).DeleteConversations(t.Context(), []chat.ConversationID{theirsGone.Conversation.ID}, chat.DeleteOptions{})
		require.NoError(t, err)
		for _, cursor := range []chat.ConversationID{again, theirs.Conversation.ID, theirsGone.Conversation.ID, chat.ConversationID(chat.NewID())} {
			_, err := d.History.AsOperator(d.WS).Walk(t.Context(), chat.WalkQuery{Cursor: cursor})
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.Equal(t, "cursor is the id of no conversation that is there or was deleted; begin again without it", fault.Message(err))
		}
		for says, q := range map[string]chat.WalkQuery{
			"cursor must be":          {Cursor: "x"},
			"cursor must be the":      {Cursor: chat.ConversationID(chat.NewID() + "_1772366405000000")},
			"since must be before":    {Since: now, Until: now},
			"at most 90 days apart":   {Since: now.AddDate(0, 0, -91)},
			"of a page":               {Cursor: "x", AgentID: "a"},
			"cursor is the id of no ": {Cursor: again, Channels: []string{"chat"}},
		} {
			_, err := d.History.AsOperator(d.WS).Walk(t.Context(), q)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.Contains(t, fault.Message(err), says)
		}
	})
}

func TestWalkFindsNothingByWhatNoConversationHas(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.said("a", 1)
		require.Equal(t, []chat.ConversationID{id}, walked(d.walk(chat.WalkQuery{Sources: []string{"custom", "\x00"}})))
		for _, q := range []chat.WalkQuery{{Channels: []string{"widget"}}, {AgentID: "a"}, {Sources: []string{"\x00"}}, {Sources: []string{"Custom"}}} {
			page := d.walk(q)
			require.Empty(t, page.Items)
			require.False(t, page.More)
			require.Empty(t, page.Older+page.Newer)
		}
	})
}

// A page has at most 8 MiB of text, or one conversation; nothing is left out.
func TestWalkPagesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		big := strings.Repeat("船", 1<<20) // three bytes each
		var all []chat.ConversationID
		for i, texts := range [][]string{{"a"}, {big}, {big}, {big}, {big, big, big, big}, {"b"}, {big, big}} {
			all = append(all, d.said(fmt.Sprint(i), i, texts...))
		}
		var pages [][]chat.ConversationID
		cursor := chat.ConversationID("")
		for {
			page := d.walk(chat.WalkQuery{Cursor: cursor})
			pages = append(pages, walked(page))
			require.Equal(t, page.More, page.Older != "")
			if cursor = page.Older; cursor == "" {
				cursor = page.Newer
				break
			}
		}
		require.Equal(t, [][]chat.ConversationID{all[:3], all[3:4], all[4:5], all[5:]}, pages)
		back := d.walk(chat.WalkQuery{Cursor: cursor, Newer: true})
		require.Equal(t, all[4:5], walked(back))
		require.True(t, back.More)
		back = d.walk(chat.WalkQuery{Cursor: back.Newer, Newer: true})
		require.Equal(t, all[2:4], walked(back))
		require.Equal(t, all[:2], walked(d.walk(chat.WalkQuery{Cursor: back.Newer, Newer: true})))
	})
}

// A walk there and back sees each conversation that stays exactly once and in order, while others, and those of the
// cursors, are added and deleted.
func TestWalksAmongWritersAndDeleters(t *testing.T) {
	const stay, comeAndGo, walks = 40, 60, 4
	each(t, func(t *testing.T, d *desk) {
		var stays, goes []chat.ConversationID
		end := d.said("the oldest", 21)
		for i := range stay + comeAndGo {
			id := d.said(fmt.Sprint(i), i%20)
			if i%5 < 2 {
				stays = append(stays, id)
			} else {
				goes = append(goes, id)
			}
		}
		require.Len(t, stays, stay)
		var order []chat.ConversationID
		for _, item := range d.walk(chat.WalkQuery{Size: 100}).Items {
			if slices.Contains(stays, item.ID) {
				order = append(order, item.ID)
			}
		}
		backwards := slices.Clone(order)
		slices.Reverse(backwards)

		walking := make(chan struct{})
		var others errgroup.Group
		others.Go(func() error { // one at a time, in random order
			random := rand.New(rand.NewPCG(4, 6))
			random.Shuffle(len(goes), func(i, j int) { goes[i], goes[j] = goes[j], goes[i] })
			for i := 0; ; i++ {
				select {
				case <-walking:
					return nil
				default:
				}
				if i < len(goes) {
					if _, err := d.History.AsOperator(d.WS).DeleteConversations(t.Context(), goes[i:i+1], chat.DeleteOptions{}); err != nil {
						return err
					}
				}
				u := say(fmt.Sprint("new ", i), "one")
				u.UpdatedAt = now.Add(-time.Duration(random.IntN(20)) * time.Minute)
				done, err := d.History.AsOperator(d.WS).Ingest(t.Context(), u)
				if err != nil {
					return err
				}
				if i%3 == 0 {
					goes = append(goes, done.Conversation.ID)
				}
			}
		})
		var walkers errgroup.Group
		for n := range walks {
			walkers.Go(func() error {
				for _, newer := range []bool{false, true} {
					seen, err := d.wholeWalk(chat.WalkQuery{Size: 3 + n}, newer, end, stays)
					if err != nil {
						return err
					}
					want := order
					if newer {
						want = backwards
					}
					if !slices.Equal(want, seen) {
						return fmt.Errorf("newer %v, %d a page: saw %d of %d, or in another order", newer, 3+n, len(seen), len(want))
					}
				}
				return nil
			})
		}
		err := walkers.Wait()
		close(walking)
		require.NoError(t, others.Wait())
		require.NoError(t, err)
	})
}

// wholeWalk walks from one end to the other and returns the ids among of that it saw, as often as it saw them. oldest
// is the oldest conversation.
func (d *desk) wholeWalk(q chat.WalkQuery, newer bool, oldest chat.ConversationID, of []chat.ConversationID) (seen []chat.ConversationID, err error) {
	if newer { // begin at the oldest
		q.Newer, q.Cursor = true, oldest
	}
	for {
		page, err := d.History.AsOperator(d.WS).Walk(d.T.Context(), q)
		if err != nil {
			return nil, err
		}
		ids := walked(page)
		if newer {
			slices.Reverse(ids)
		}
		for _, id := range ids {
			if slices.Contains(of, id) {
				seen = append(seen, id)
			}
		}
		if q.Cursor = page.Older; newer {
			q.Cursor = page.Newer
		}
		if q.Cursor == "" {
			return seen, nil
		}
	}
}

func TestBulkDelete(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		theirs, err := d.History.AsOperator(d.AddWorkspace("other")).Ingest(t.Context(), say("theirs", "one"))
		require.NoError(t, err)
		for _, atomic := range []bool{false, true} {
			a, b, c := d.said("a", 1), d.said("b", 2), d.said("c", 3)
			gone, unknown := d.said("gone", 4), chat.ConversationID(chat.NewID())
			d.delete(gone)
			receipts := d.receipts()

			asked := []chat.ConversationID{c, theirs.Conversation.ID, chat.ConversationID(strings.ToUpper(string(a))), gone, unknown}
			done, err := d.as("k", auth.Write).DeleteBulk(t.Context(), history.BulkDelete{IDs: asked, Atomic: atomic})
			require.NoError(t, err)
			require.Equal(t, []chat.ConversationID{theirs.Conversation.ID, gone, unknown}, done.Missing)
			if atomic {
				require.Equal(t, []chat.ConversationID{}, done.Deleted)
				require.Equal(t, 3, d.Count(), "nothing is deleted")
				require.Equal(t, receipts, d.receipts(), "and nothing is written down")
			} else {
				require.Equal(t, []chat.ConversationID{c, a}, done.Deleted)
				require.Equal(t, 1, d.Count())
				require.Equal(t, receipts+1, d.receipts())
			}

			rest := []chat.ConversationID{b}
			if atomic {
				rest = []chat.ConversationID{b, c, a}
			}
			done, err = d.as("k", auth.Write).DeleteBulk(t.Context(), history.BulkDelete{IDs: rest, Atomic: atomic})
			require.NoError(t, err)
			require.Equal(t, history.BulkDeleted{Deleted: rest, Missing: []chat.ConversationID{}}, done)
			require.Zero(t, d.Count())
			page, err := d.History.AsOperator(d.WS).Deletions(t.Context(), 1, 1)
			require.NoError(t, err)
			require.Equal(t, len(rest), page.Items[0].Conversations)
			require.Equal(t, "k", page.Items[0].KeyID)
		}
	})
}

func (d *desk) receipts() int {
	d.T.Helper()
	page, err := d.History.AsOperator(d.WS).Deletions(d.T.Context(), 1, 1)
	require.NoError(d.T, err)
	return page.Total
}

func TestBulkDeleteRefuses(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.said("kept", 1)
		for _, test := range []struct {
			ids  []chat.ConversationID
			says string
		}{
			{nil, "ids must have 1 to 50 items, got 0"},
			{[]chat.ConversationID{}, "ids must have 1 to 50 items, got 0"},
			{unknown(51), "ids must have 1 to 50 items, got 51"},
			{[]chat.ConversationID{id, "conv-id-1"}, "ids[1] is not a UUID"},
			{[]chat.ConversationID{id, ""}, "ids[1] is not a UUID"},
			{[]chat.ConversationID{id, chat.ConversationID(strings.ReplaceAll(string(id), "-", ""))}, "ids[1] is not a UUID"},
			{[]chat.ConversationID{"{" + id + "}"}, "ids[0] is not a UUID"},
			{[]chat.ConversationID{id, chat.ConversationID(chat.NewID()), id}, "ids[2] is the same as ids[0]"},
			{[]chat.ConversationID{id, chat.ConversationID(strings.ToUpper(string(id)))}, "ids[1] is the same as ids[0]"},
		} {
			for _, atomic := range []bool{false, true} {
				_, err := d.History.AsOperator(d.WS).DeleteBulk(t.Context(), history.BulkDelete{IDs: test.ids, Atomic: atomic})
				require.True(t, fault.Is(err, fault.Invalid), "%v", err)
				require.Equal(t, test.says, fault.Message(err))
			}
		}
		require.Equal(t, 1, d.Count())
		done, err := d.History.AsOperator(d.WS).DeleteBulk(t.Context(), history.BulkDelete{IDs: unknown(50)})
		require.NoError(t, err)
		require.Len(t, done.Missing, 50)
	})
}

func unknown(n int) (ids []chat.ConversationID) {
	for range n {
		ids = append(ids, chat.ConversationID(chat.NewID()))
	}
	return ids
}

// Atomic deletes of overlapping ids race: each deletes all of its ids or none.
func TestAtomicDeletesRace(t *testing.T) {
	const rounds, deleters = 30, 4
	each(t, func(t *testing.T, d *desk) {
		for round := range rounds {
			var ids []chat.ConversationID
			for i := range deleters + 1 {
				ids = append(ids, d.said(fmt.Sprint(round, "/", i), i))
			}
			answers := make([]history.BulkDeleted, deleters)
			begin := make(chan struct{})
			var racing errgroup.Group
			for i := range deleters {
				asked := []chat.ConversationID{ids[i+1], ids[0]} // every delete asks for the last one too
				if i%2 == 0 {
					slices.Reverse(asked)
				}
				racing.Go(func() (err error) {
					<-begin
					answers[i], err = d.History.AsOperator(d.WS).DeleteBulk(t.Context(), history.BulkDelete{IDs: asked, Atomic: true})
					return err
				})
			}
			close(begin)
			require.NoError(t, racing.Wait())
			won := 0
			for i, answer := range answers {
				if len(answer.Deleted) > 0 {
					won++
					require.ElementsMatch(t, []chat.ConversationID{ids[0], ids[i+1]}, answer.Deleted)
					require.Empty(t, answer.Missing)
				} else {
					require.Equal(t, ids[:1], answer.Missing)
				}
			}
			require.Equal(t, 1, won)
			require.Equal(t, (round+1)*(deleters-1), d.Count())
		}
	})
}
