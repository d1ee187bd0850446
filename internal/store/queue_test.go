package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func state(t testing.TB, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID) chat.Conversation {
	t.Helper()
	c, err := s.View(ctx).Conversation(ws, id)
	require.NoError(t, err)
	return c
}

func TestWhoWaitedLongestIsClaimedFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		var want []chat.ConversationID
		for i := range 6 {
			want = append(want, added(t, s, []chat.WorkspaceID{ws, other}[i%2], fmt.Sprint(i), "text").ID)
			now.Advance(time.Second)
		}
		for i := range 3 {
			c := claimOne(t, s)
			require.Equal(t, store.Claim{Workspace: []chat.WorkspaceID{ws, other}[i%2], Conversation: want[i], Revision: 1, Attempt: 1}, c)
		}
		var several []chat.ConversationID
		for _, c := range claim(t, s, 2) {
			several = append(several, c.Conversation)
		}
		require.ElementsMatch(t, want[3:5], several)
		require.Len(t, claim(t, s, 100), 1)
		require.Empty(t, claim(t, s, 100))
		require.Equal(t, chat.Indexing, state(t, s, ws, want[0]).IndexState)
	})
}

func TestALeaseRunsOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "text").ID
		one := claimOne(t, s)

		now.Advance(lease - time.Microsecond)
		require.Empty(t, claim(t, s, 1))
		inTx(t, s, func(tx *store.Tx) error { return tx.Extend(one, lease) })
		now.Advance(time.Microsecond)
		require.Empty(t, claim(t, s, 1), "it was extended")
		requireDue(t, s, start.Add(2*lease-time.Microsecond))

		now.Advance(lease)
		two := claimOne(t, s)
		require.Equal(t, store.Claim{Workspace: ws, Conversation: id, Revision: 1, Attempt: 2}, two)
		requireLost(t, s, one)
		require.NoError(t, finishAs(s, two, indexed()))
		require.Equal(t, chat.Ready, state(t, s, ws, id).IndexState)
		requireLost(t, s, two)
	})
}

// requireDue checks when the next conversation is due; the zero time means never.
func requireDue(t testing.TB, s *store.Store, want time.Time) {
	t.Helper()
	due, ok, err := s.View(ctx).NextDue(true)
	require.NoError(t, err)
	require.Equal(t, !want.IsZero(), ok)
	if ok {
		require.Equal(t, want, due)
	}
}

// requireLost checks that a lost claim cannot change anything.
func requireLost(t testing.TB, s *store.Store, c store.Claim) {
	t.Helper()
	before := dump(t, s, c.Workspace)
	x := indexed(passage(0, []float32{0, 1, 0}, "stale"))
	for name, use := range map[string]func(tx *store.Tx) error{
		"Extend":         func(tx *store.Tx) error { return tx.Extend(c, lease) },
		"Retry":          func(tx *store.Tx) error { return tx.Retry(c, lease, "stale") },
		"Release":        func(tx *store.Tx) error { return tx.Release(c) },
		"FinishIndexing": func(tx *store.Tx) error { return tx.FinishIndexing(c, x) },
		"Fail":           func(tx *store.Tx) error { return tx.Fail(c, "stale") },
		"Postpone":       func(tx *store.Tx) error { return tx.Postpone(c, "stale") },
		"Requeue":        func(tx *store.Tx) error { return tx.Requeue(c) },
		"UseRecipe":      func(tx *store.Tx) error { _, err := tx.UseRecipe(c, x.Model, 7); return err },
		"StoreWords":     func(tx *store.Tx) error { return tx.StoreWords(c, x.Model, x.Chunks) },
		"FinishWords":    func(tx *store.Tx) error { _, err := tx.FinishWords(c, 1, 0, false); return err },
		"StoreVectors":   func(tx *store.Tx) error { return tx.StoreVectors(c, x.Model, []store.PassageVector{{Position: 0}}) },
		"FinishVectors":  func(tx *store.Tx) error { return tx.FinishVectors(c) },
	} {
		require.ErrorIs(t, s.InTx(ctx, use), store.ErrClaimLost, name)
	}
	require.Equal(t, before, dump(t, s, c.Workspace))
}

func TestRetryReleaseAndFail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws := workspace(t, s, "w")
		requireDue(t, s, time.Time{})
		id := added(t, s, ws, "x", "text").ID
		requireDue(t, s, start)

		one := claimOne(t, s)
		inTx(t, s, func(tx *store.Tx) error { return tx.Retry(one, time.Hour, "the embedder is away") })
		requireLost(t, s, one)
		c := state(t, s, ws, id)
		require.Equal(t, chat.Queued, c.IndexState)
		require.Equal(t, "the embedder is away", c.IndexError)
		require.Empty(t, claim(t, s, 1))
		requireDue(t, s, start.Add(time.Hour))

		now.Advance(time.Hour)
		two := claimOne(t, s)
		require.Equal(t, 2, two.Attempt)
		inTx(t, s, func(tx *store.Tx) error { return tx.Release(two) })
		requireLost(t, s, two)
		again := claimOne(t, s)
		require.Equal(t, 2, again.Attempt, "a released try does not count, and is due at once")

		require.NoError(t, s.InTx(ctx, func(tx *store.Tx) error { return tx.FailIndexing(again, indexed(), "for good") }))
		requireLost(t, s, again)
		c = state(t, s, ws, id)
		require.Equal(t, chat.Failed, c.IndexState)
		require.Equal(t, "for good", c.IndexError)
		now.Advance(1000 * time.Hour)
		require.Empty(t, claim(t, s, 1))
		requireDue(t, s, time.Time{})
	})
}

func TestRequeueingWhatFailed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		id := map[string]chat.ConversationID{}
		for name, in := range map[string]chat.WorkspaceID{"small": ws, "theirs": other} {
			id[name] = added(t, s, in, name, "text").ID
			c := claimOne(t, s)
			inTx(t, s, func(tx *store.Tx) error { return tx.Fail(c, "why") })
			requireLost(t, s, c)
		}
		id["ready"] = added(t, s, ws, "ready", "text").ID
		require.NoError(t, finishAs(s, claimOne(t, s), indexed()))
		id["held"] = added(t, s, ws, "held", "text").ID
		held := claimOne(t, s)

		for _, want := range []int{1, 0} {
			inTx(t, s, func(tx *store.Tx) error {
				n, err := tx.RequeueFailedIn(ws)
				require.Equal(t, want, n)
				return err
			})
		}
		require.Equal(t, chat.Queued, state(t, s, ws, id["small"]).IndexState)
		require.Equal(t, chat.Failed, state(t, s, other, id["theirs"]).IndexState)
		require.Equal(t, chat.Ready, state(t, s, ws, id["ready"]).IndexState)
		c := claimOne(t, s)
		require.Equal(t, id["small"], c.Conversation)
		require.Equal(t, 1, c.Attempt, "its attempts are counted from one again")
		require.NoError(t, finishAs(s, held, indexed()), "a claim that was held still is")
	})
}

// A claim is lost when the conversation has changed since.
func TestWhatLosesAClaim(t *testing.T) {
	yes, title := true, "another title"
	edit := func(e chat.Edit) func(*testing.T, *store.Store, *clock, store.Claim) {
		return func(t *testing.T, s *store.Store, _ *clock, c store.Claim) {
			inTx(t, s, func(tx *store.Tx) error { _, err := tx.EditConversation(c.Workspace, c.Conversation, e); return err })
		}
	}
	send := func(messages ...named) func(*testing.T, *store.Store, *clock, store.Claim) {
		return func(t *testing.T, s *store.Store, _ *clock, c store.Claim) {
			merge(t, s, c.Workspace, says(messages...))
		}
	}
	cases := map[string]struct {
		do   func(*testing.T, *store.Store, *clock, store.Claim)
		lost bool
		read bool // whether what was claimed can still be read under the claim
	}{
		"deleted": {func(t *testing.T, s *store.Store, _ *clock, c store.Claim) { remove(t, s, c.Workspace, c.Conversation) }, true, false},
		"deleted and uploaded again": {func(t *testing.T, s *store.Store, _ *clock, c store.Claim) {
			remove(t, s, c.Workspace, c.Conversation)
			create(t, s, c.Workspace, says(named{"a", "text"}))
		}, true, false},
		"changed by an upload": {send(named{"a", "new text"}), true, false},
		"grown by an upload":   {send(named{"a", "text"}, named{"b", "more"}), true, false},
		"changed, and claimed by another": {func(t *testing.T, s *store.Store, now *clock, c store.Claim) {
			send(named{"a", "new text"})(t, s, now, c)
			other := claimOne(t, s)
			require.Equal(t, c.Attempt, other.Attempt, "only the revision tells them apart")
		}, true, false},
		"sent again unchanged": {send(named{"a", "text"}), false, true},
		"retitled":             {edit(chat.Edit{Title: &title}), true, false},
		"pinned":               {edit(chat.Edit{Pinned: &yes}), false, true},
		"taken over": {func(t *testing.T, s *store.Store, now *clock, c store.Claim) {
			now.Advance(lease)
			require.Equal(t, c.Conversation, claimOne(t, s).Conversation)
		}, true, true},
		"run out but not taken": {func(_ *testing.T, _ *store.Store, now *clock, _ store.Claim) { now.Advance(lease) }, false, true},
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		for name, what := range cases {
			ws := workspace(t, s, name)
			create(t, s, ws, says(named{"a", "text"}))
			c := claimOne(t, s)
			what.do(t, s, now, c)
			turns, err := s.View(ctx).ClaimedTranscript(c)
			if what.read {
				require.NoError(t, err, name)
				require.Equal(t, "text", turns.Turns[0].Text)
			} else {
				require.ErrorIs(t, err, store.ErrClaimLost, name)
			}
			if what.lost {
				requireLost(t, s, c)
			} else {
				require.NoError(t, finishAs(s, c, indexed(passage(0, nil, "alpha"))), name)
			}
			remove(t, s, ws, list(t, s, ws, chat.Filter{})...) // leave nothing for the next case to claim
		}
		requireSound(t, db)
	})
}

// Many workers in two programs claim each conversation exactly once.
func TestEachConversationIsClaimedOnce(t *testing.T) {
	const conversations, workers = 200, 8
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		stores := []*store.Store{db.Open(t), db.Open(t)}
		ws := workspace(t, stores[0], "w")
		var fresh []chat.Transcript
		for i := range conversations {
			fresh = append(fresh, transcript(t, fmt.Sprint(i), "text"))
		}
		createAll(t, stores[0], ws, fresh...)
		var mu sync.Mutex
		times := map[chat.ConversationID]int{}
		var working errgroup.Group
		for i := range workers {
			working.Go(func() error {
				for {
					var claims []store.Claim
					err := stores[i%2].InTx(ctx, func(tx *store.Tx) (err error) {
						claims, err = tx.Claim(time.Hour, 1+i%3, true)
						return err
					})
					if err != nil || len(claims) == 0 {
						return err
					}
					mu.Lock()
					for _, c := range claims {
						times[c.Conversation]++
					}
					mu.Unlock()
				}
			})
		}
		require.NoError(t, working.Wait())
		// A worker may end while another still holds what it skipped.
		for _, c := range claim(t, stores[0], conversations) {
			times[c.Conversation]++
		}
		require.Len(t, times, conversations)
		for id, n := range times {
			require.Equal(t, 1, n, id)
		}
	})
}
