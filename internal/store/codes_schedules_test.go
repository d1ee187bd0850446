package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// stage makes the users of a store act one statement at a time. Each runs in its own
// goroutine, and only one runs at a time: it stops after each statement that matters to
// the others.
type stage struct {
	running atomic.Pointer[actor]
}

// actor is a user of a store. It returns what goes wrong: a test that ends in its goroutine
// would leave the stage waiting.
type actor struct {
	stops   []string // parts of the statements after which it stops
	writes  bool     // in one transaction: nobody else writes between its first and last turn
	act     func() error
	begun   bool
	ended   bool
	err     error
	turn    chan struct{}
	waiting chan struct{} // it has stopped, or ended
}

// trace is called after each statement.
func (s *stage) trace(statement string) {
	a := s.running.Load()
	stops := a != nil && slices.ContainsFunc(a.stops, func(part string) bool { return strings.Contains(statement, part) })
	if !stops {
		return
	}
	a.waiting <- struct{}{}
	<-a.turn
}

// Other users do not see a transaction before it commits, so it stops only once, after
// its last change of vectors or of the receipt. A search stops after it has read its
// version, before it looks at the codes, and after it has asked for the vectors of
// conversations without codes.
const (
	afterVectors = "INSERT INTO `embeddings`"
	afterReceipt = "INSERT INTO `tombstones`"
	afterVersion = "SELECT version FROM vector_version"
	afterUnread  = "embeddings.conversation_id IN (SELECT value FROM json_each(?))"
)

// give lets an actor run until its next stop.
func (s *stage) give(a *actor) {
	s.running.Store(a)
	if a.begun {
		a.turn <- struct{}{}
	} else {
		a.begun, a.turn, a.waiting = true, make(chan struct{}), make(chan struct{})
		go func() {
			a.err = a.act()
			a.ended = true
			a.waiting <- struct{}{}
		}()
	}
	<-a.waiting
	s.running.Store(nil)
}

// play lets the actors take turns until all have ended.
func (s *stage) play(actors []*actor, choose func([]int) int, after func()) {
	for {
		var ready []int
		writing := false
		for _, a := range actors {
			writing = writing || (a.writes && a.begun && !a.ended)
		}
		for i, a := range actors {
			if !a.ended && (a.begun || !a.writes || !writing) {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			return
		}
		s.give(actors[choose(ready)])
		after()
	}
}

// scene is a workspace with codes, before the actors start.
type scene struct {
	*coder
	stage       *stage
	there       *coder              // another program
	first       chat.ConversationID // a stored conversation
	second      chat.ConversationID
	claim       store.Claim // of the first, whose title has changed
	deleted     bool        // this program has deleted the first
	deletedThen [][]byte    // codes of the first when the scene began
}

// searching searches by codes, and requires the same answer as a comparison with all
// vectors in the same snapshot.
func (c *scene) searching(stops ...string) *actor {
	query := c.vector(codedModel)
	var found, right []rank.Scored
	return &actor{stops: stops, act: func() error {
		err := c.s.Snapshot(ctx, func(v *store.View) (err error) {
			if _, err = v.Count(c.ws); err != nil { // the snapshot begins with the first row that is read
				return err
			}
			if found, err = v.SearchSemantic(c.ws, codedModel, query, chat.Filter{}); err != nil {
				return err
			}
			self := c.stage.running.Swap(nil) // the comparison does not stop for turns
			right, err = store.CompareAll(v, c.ws, codedModel, query, chat.Filter{})
			c.stage.running.Store(self)
			return err
		})
		if err == nil && !slices.Equal(right, found) {
			err = fmt.Errorf("a search found %v, but its snapshot has %v", found, right)
		}
		return err
	}}
}

func (c *scene) twoSearches() []*actor {
	return []*actor{c.searching(afterVersion, afterUnread), c.searching(afterUnread)}
}

func (c *scene) deleting() *actor {
	return &actor{writes: true, stops: []string{afterReceipt}, act: func() error {
		err := c.s.InTx(ctx, func(tx *store.Tx) error {
			_, _, err := tx.DeleteConversations(c.ws, []chat.ConversationID{c.first}, chat.DeleteOptions{})
			return err
		})
		c.deleted = true
		return err
	}}
}

// indexing finishes the indexing of the first conversation, unless it was deleted. Before
// it had three passages.
func (c *scene) indexing(passages int) *actor {
	return &actor{writes: true, stops: []string{afterVectors}, act: func() error {
		err := finishAs(c.s, c.claim, c.passages(codedModel, passages))
		if errors.Is(err, store.ErrClaimLost) {
			return nil
		}
		return err
	}}
}

// elsewhere deletes the second conversation in another program.
func (c *scene) elsewhere() *actor {
	return &actor{writes: true, stops: []string{afterReceipt}, act: func() error {
		return c.there.s.InTx(ctx, func(tx *store.Tx) error {
			_, _, err := tx.DeleteConversations(c.ws, []chat.ConversationID{c.second}, chat.DeleteOptions{})
			return err
		})
	}}
}

// set prepares the scene: two conversations with codes, one of which was renamed
// afterwards and is being indexed.
func (c *scene) set() {
	remove(c, c.s, c.ws, c.first, c.second)
	c.first, c.second = c.add(codedModel, 3), c.add(codedModel, 2)
	c.search(chat.Filter{}) // codes of the previous scene may have been dropped
	c.search(chat.Filter{})
	c.deletedThen, _ = store.CodesOf(c.s, c.first)
	require.Len(c, c.deletedThen, 1)
	inTx(c, c.s, func(tx *store.Tx) error {
		_, err := tx.EditConversation(c.ws, c.first, chat.Edit{Title: new("another")})
		return err
	})
	c.claim = claimOne(c, c.s)
	c.deleted = false
}

// requireNoneDeleted checks that no deleted conversation has codes.
func (c *scene) requireNoneDeleted() {
	if codes, known := store.CodesOf(c.s, c.first); c.deleted && known {
		require.FailNow(c, "codes of a deleted conversation", "%x", codes)
	}
	require.Equal(c, make([]byte, len(c.deletedThen[0])), c.deletedThen[0], "it was changed, and so they were overwritten")
}

// requireSound ends a scene: after further searches all stored vectors have codes.
func (c *scene) requireSound() {
	for range 2 {
		c.search(chat.Filter{})
		c.requireNoneDeleted()
	}
	vectors := scan[int](c, c.s, "SELECT count(DISTINCT conversation_id) FROM embeddings WHERE workspace_id = ?", int64(c.ws))[0]
	require.Equal(c, vectors, store.Coded(c.s, c.ws))
}

// In every order of the statements of three users, a search answers from its snapshot,
// and no deleted conversation has a code.
func TestEveryScheduleOfSearchesAndWriters(t *testing.T) {
	games := map[string]func(c *scene) []*actor{
		"search, index, delete": func(c *scene) []*actor {
			return []*actor{c.searching(afterVersion, afterUnread), c.indexing(5), c.deleting()}
		},
		"search, delete, another program": func(c *scene) []*actor {
			return []*actor{c.searching(afterVersion, afterUnread), c.deleting(), c.elsewhere()}
		},
		"search, index, another program": func(c *scene) []*actor {
			return []*actor{c.searching(afterVersion, afterUnread), c.indexing(5), c.elsewhere()}
		},
		"two searches, delete":          func(c *scene) []*actor { return append(c.twoSearches(), c.deleting()) },
		"two searches, index":           func(c *scene) []*actor { return append(c.twoSearches(), c.indexing(5)) },
		"two searches, index of fewer":  func(c *scene) []*actor { return append(c.twoSearches(), c.indexing(1)) },
		"two searches, another program": func(c *scene) []*actor { return append(c.twoSearches(), c.elsewhere()) },
	}
	for name, cast := range games {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openScene(t)
			n := storetest.EverySchedule(func(choose func([]int) int) {
				c.set()
				actors := cast(c)
				c.stage.play(actors, choose, c.requireNoneDeleted)
				for _, a := range actors {
					require.NoError(t, a.err)
				}
				c.requireSound()
			})
			t.Logf("%d schedules", n)
			require.Greater(t, n, 10)
		})
	}
}

// A slow search of an older snapshot does not restore the codes of a deleted conversation
// after a newer search has read that it has none.
func TestALateSearchBringsNoDeletedCodesBack(t *testing.T) {
	c := openScene(t)
	c.set()
	inTx(t, c.s, func(tx *store.Tx) error { return tx.FinishIndexing(c.claim, c.passages(codedModel, 7)) })
	slow := c.searching(afterUnread)
	c.stage.give(slow) // its snapshot has the conversation, but no codes of it
	require.False(t, slow.ended)
	require.Len(t, remove(t, c.s, c.ws, c.first), 1)
	c.deleted = true
	c.requireNoneDeleted()
	c.search(chat.Filter{})
	c.stage.give(slow)
	require.True(t, slow.ended)
	require.NoError(t, slow.err)
	c.requireSound()
}

// A slow search does not hide vectors that were indexed after its snapshot.
func TestALateSearchHidesNoNewVectors(t *testing.T) {
	c := openScene(t)
	c.set()
	slow := c.searching(afterUnread)
	c.stage.give(slow) // in its snapshot the conversation has no vectors
	require.False(t, slow.ended)
	inTx(t, c.s, func(tx *store.Tx) error { return tx.FinishIndexing(c.claim, c.passages(codedModel, 5)) })
	c.search(chat.Filter{})
	c.stage.give(slow)
	require.True(t, slow.ended)
	require.NoError(t, slow.err)
	require.Contains(t, conversationsOf(c.search(chat.Filter{})), c.first)
	c.requireSound()
}

// If a workspace's codes fit the limit, but the cost for each conversation does not, the
// codes that fit are kept. No search computes codes only to discard them.
func TestCodesThatFitInPart(t *testing.T) {
	c, _ := openCoder(t, 6)
	for range 20 {
		c.add(codedModel, 1)
	}
	store.LimitCodes(c.s, 20*8+200) // the codes themselves take 20 * 8
	c.search(chat.Filter{})
	kept := store.Coded(c.s, c.ws)
	require.Positive(t, kept)
	require.Less(t, kept, 20)
	bytes := c.s.CodeBytes()
	for range 3 {
		c.search(chat.Filter{})
		require.Equal(t, kept, store.Coded(c.s, c.ws))
		require.Equal(t, bytes, c.s.CodeBytes())
	}
}

// openScene opens a workspace that two programs use, with a conversation that neither
// changes.
func openScene(t testing.TB) *scene {
	t.Helper()
	s, db := &stage{}, storetest.New(t, storetest.SQLite)
	c := &scene{stage: s, coder: newCoder(t, openTraced(t, db, s.trace), 11)}
	c.there = newCoder(t, openTraced(t, db, s.trace), 12)
	c.add(codedModel, 2)
	return c
}

// openTraced opens a database in which a workspace with two vectors counts as large.
func openTraced(t testing.TB, db storetest.Database, trace func(string)) *store.Store {
	t.Helper()
	o := db.Options()
	o.ExactLimit = 1
	o.Trace = trace
	s, err := store.Open(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
