package store_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// codedModel is the model of the vectors in these tests.
var codedModel = embed.Model{ID: "coded", Dimensions: 24}

// coder is a database whose searches by meaning use codes for any number of vectors.
type coder struct {
	testing.TB
	s   *store.Store
	ws  chat.WorkspaceID
	rng *rand.Rand
	n   int
}

func newCoder(t testing.TB, s *store.Store, seed uint64) *coder {
	return &coder{TB: t, s: s, ws: workspace(t, s, "w"), rng: rand.New(rand.NewPCG(seed, 14))}
}

func (c *coder) vector(model embed.Model) []float32 {
	v := make([]float32, model.Dimensions)
	sum := 0.0
	for i := range v {
		v[i] = float32(c.rng.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// passages returns n passages with random vectors.
func (c *coder) passages(model embed.Model, n int) store.Indexed {
	x := store.Indexed{Model: model, Tokens: 1}
	for i := range n {
		x.Chunks = append(x.Chunks, passage(i, c.vector(model), "word"))
	}
	return x
}

// add stores a conversation with n vectors.
func (c *coder) add(model embed.Model, n int) chat.ConversationID {
	c.Helper()
	c.n++
	fresh := transcript(c, fmt.Sprint("c", c.n), "one", "two")
	fresh.Platform = []string{"chatgpt", "claude", "custom"}[c.n%3]
	createAll(c, c.s, c.ws, fresh)
	indexAs(c, c.s, fresh.ID, c.passages(model, n))
	return fresh.ID
}

// search searches the vectors nearest to a vector by codes, and requires the same answer
// as a comparison with all in the same snapshot.
func (c *coder) search(f chat.Filter) []rank.Scored {
	c.Helper()
	query := c.vector(codedModel)
	var found, right []rank.Scored
	require.NoError(c, c.s.Snapshot(ctx, func(v *store.View) (err error) {
		if found, err = v.SearchSemantic(c.ws, codedModel, query, f); err != nil {
			return err
		}
		right, err = store.CompareAll(v, c.ws, codedModel, query, f)
		return err
	}))
	require.Equal(c, right, found)
	return found
}

func openCoder(t testing.TB, seed uint64) (*coder, storetest.Database) {
	db := storetest.New(t, storetest.SQLite)
	return newCoder(t, db.OpenLimited(t, 1), seed), db
}

// ways are the ways in which vectors of a conversation are deleted.
func ways(c *coder, id chat.ConversationID) map[string]func() {
	return map[string]func(){
		"delete": func() { require.Len(c, remove(c, c.s, c.ws, id), 1) },
		"delete with others": func() {
			inTx(c, c.s, func(tx *store.Tx) error {
				ids, err := tx.LockMatching(c.ws, chat.Filter{})
				require.Contains(c, ids, id)
				if err == nil {
					_, _, err = tx.DeleteConversations(c.ws, ids, chat.DeleteOptions{})
				}
				return err
			})
		},
		"delete the workspace": func() {
			inTx(c, c.s, func(tx *store.Tx) error {
				_, err := tx.DeleteWorkspace(c.ws, chat.DeleteOptions{})
				return err
			})
		},
		"rename": func() {
			inTx(c, c.s, func(tx *store.Tx) error {
				_, err := tx.EditConversation(c.ws, id, chat.Edit{Title: new("another")})
				return err
			})
		},
		"index again": func() {
			inTx(c, c.s, func(tx *store.Tx) error {
				_, err := tx.EditConversation(c.ws, id, chat.Edit{Title: new("another")})
				return err
			})
			indexAs(c, c.s, id, c.passages(codedModel, 2))
		},
		"doctor": func() {
			require.NoError(c, store.DB(c.s).Exec("DELETE FROM chunks WHERE workspace_id = ? AND conversation_id = ?", int64(c.ws), id).Error)
			require.NoError(c, c.s.Mend(ctx))
		},
	}
}

// When the call that deletes a vector returns, its code is no longer in memory: neither
// in the table of codes nor at its former address.
func TestADeletedVectorLeavesNoCode(t *testing.T) {
	c, _ := openCoder(t, 1)
	for name := range ways(c, "") {
		t.Run(name, func(t *testing.T) {
			c, _ := openCoder(t, 2)
			c.TB = t
			id, other := c.add(codedModel, 7), c.add(codedModel, 3)
			require.Len(t, c.search(chat.Filter{}), 10)
			codes, _ := store.CodesOf(c.s, id)
			require.Len(t, codes, 1)
			require.NotEqual(t, make([]byte, len(codes[0])), codes[0])
			rest, _ := store.CodesOf(c.s, other)
			before := c.s.CodeBytes()

			ways(c, id)[name]()
			require.Equal(t, make([]byte, len(codes[0])), codes[0], "the memory is overwritten")
			again, known := store.CodesOf(c.s, id)
			require.False(t, known, "%x", again)
			require.Less(t, c.s.CodeBytes(), before)
			if name != "delete with others" && name != "delete the workspace" {
				kept, _ := store.CodesOf(c.s, other)
				require.Equal(t, rest, kept, "others stay")
				require.NotEqual(t, make([]byte, len(rest[0])), rest[0])
			}
			c.search(chat.Filter{})
		})
	}
}

// A rollback changes no codes.
func TestARollbackLeavesTheCodes(t *testing.T) {
	c, _ := openCoder(t, 3)
	id := c.add(codedModel, 5)
	c.add(codedModel, 5)
	found := c.search(chat.Filter{})
	before, _ := store.CodesOf(c.s, id)
	kept := slices.Clone(before[0])
	refused := errors.New("refused")
	require.ErrorIs(t, c.s.InTx(ctx, func(tx *store.Tx) error {
		_, _, err := tx.DeleteConversations(c.ws, []chat.ConversationID{id}, chat.DeleteOptions{})
		require.NoError(t, err)
		inside, err := tx.SearchSemantic(c.ws, codedModel, c.vector(codedModel), chat.Filter{})
		require.NoError(t, err)
		require.NotContains(t, conversationsOf(inside), id, "the transaction itself sees what it did")
		return refused
	}), refused)
	after, _ := store.CodesOf(c.s, id)
	require.Same(t, &before[0][0], &after[0][0], "nothing was built again")
	require.Equal(t, kept, after[0])
	require.Len(t, c.search(chat.Filter{}), len(found))
}

// The next search notices a delete by another program or by hand.
func TestAnotherProgramsChangeIsSeen(t *testing.T) {
	for name, change := range map[string]func(c *coder, db storetest.Database, id chat.ConversationID){
		"the command line": func(c *coder, db storetest.Database, id chat.ConversationID) { remove(c, db.Open(c), c.ws, id) },
		"by hand": func(c *coder, db storetest.Database, id chat.ConversationID) {
			db.Break(c, "DELETE FROM embeddings WHERE conversation_id = '"+string(id)+"'")
		},
		"and then this one's": func(c *coder, db storetest.Database, id chat.ConversationID) {
			remove(c, db.Open(c), c.ws, id)
			c.add(codedModel, 1)
			_, known := store.CodesOf(c.s, id)
			require.False(c, known, "noticed by the commit already")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, db := openCoder(t, 4)
			c.TB = t
			id, other := c.add(codedModel, 4), c.add(codedModel, 4)
			require.Contains(t, conversationsOf(c.search(chat.Filter{})), id)
			codes, _ := store.CodesOf(c.s, id)
			change(c, db, id)
			found := conversationsOf(c.search(chat.Filter{}))
			require.NotContains(t, found, id)
			require.Contains(t, found, other)
			require.Equal(t, make([]byte, len(codes[0])), codes[0], "the memory is overwritten")
			_, known := store.CodesOf(c.s, id)
			require.False(t, known)
		})
	}
}

// The next search computes codes of new vectors only.
func TestAdditionsAreEncodedAlone(t *testing.T) {
	c, _ := openCoder(t, 5)
	first := c.add(codedModel, 4)
	c.search(chat.Filter{})
	before, _ := store.CodesOf(c.s, first)
	second := c.add(codedModel, 4)
	_, known := store.CodesOf(c.s, second)
	require.False(t, known)
	require.Contains(t, conversationsOf(c.search(chat.Filter{})), second)
	codes, _ := store.CodesOf(c.s, second)
	require.Len(t, codes, 1)
	after, _ := store.CodesOf(c.s, first)
	require.Same(t, &before[0][0], &after[0][0])
}

// The codes of all workspaces together stay within their limit: the workspace whose last
// search is the oldest loses its codes. A workspace that is too large for the limit has
// none.
func TestCodesKeepToTheirLimit(t *testing.T) {
	c, _ := openCoder(t, 6)
	var workspaces []chat.WorkspaceID
	for i := range 3 {
		c.ws = workspace(t, c.s, fmt.Sprint("workspace ", i))
		workspaces = append(workspaces, c.ws)
		c.add(codedModel, 50)
	}
	c.ws = workspaces[0]
	c.search(chat.Filter{})
	each := c.s.CodeBytes()
	require.Positive(t, each)
	store.LimitCodes(c.s, 2*each)
	for _, i := range []int{1, 0, 2} {
		c.ws = workspaces[i]
		c.search(chat.Filter{})
		require.LessOrEqual(t, c.s.CodeBytes(), 2*each)
	}
	require.Equal(t, []int{1, 0, 1}, []int{store.Coded(c.s, workspaces[0]), store.Coded(c.s, workspaces[1]), store.Coded(c.s, workspaces[2])})

	store.LimitCodes(c.s, each/10)
	c.ws = workspaces[1]
	c.search(chat.Filter{})
	require.Zero(t, store.Coded(c.s, c.ws))
}

// Uploads without searches do not make the memory of the codes grow.
func TestChangesWithoutSearchesEndTheCodes(t *testing.T) {
	c, _ := openCoder(t, 7)
	c.add(codedModel, 2)
	c.search(chat.Filter{})
	var all []chat.Transcript
	for i := range 1002 {
		all = append(all, transcript(t, fmt.Sprint("many", i), "text"))
	}
	createAll(t, c.s, c.ws, all...)
	require.Equal(t, 1, store.Coded(c.s, c.ws))
	inTx(t, c.s, func(tx *store.Tx) error {
		claims, err := tx.Claim(lease, len(all), true)
		for _, claimed := range claims {
			err = errors.Join(err, tx.FinishIndexing(claimed, c.passages(codedModel, 1)))
		}
		return err
	})
	require.Zero(t, store.Coded(c.s, c.ws))
	require.Zero(t, c.s.CodeBytes())
	c.search(chat.Filter{})
	require.Equal(t, 1003, store.Coded(c.s, c.ws))
}

// codesSeed repeats a run.
var codesSeed = flag.Uint64("codes-seed", storetest.FixedSeed, "the seed of the game of codes; 0 draws a new one")

// In any order of operations in two programs, a search by codes answers like a comparison
// with all vectors of the same snapshot.
func TestCodesAgreeWithTheVectors(t *testing.T) {
	seed := storetest.Seed(t, "codes-seed", *codesSeed)
	here, db := openCoder(t, seed)
	there := newCoder(t, db.OpenLimited(t, 1), seed+1)
	there.n = 1_000_000
	programs := []*coder{here, there}
	others := []embed.Model{{ID: "coded", Dimensions: 8}, {ID: "another", Dimensions: codedModel.Dimensions}}
	ids := map[chat.WorkspaceID][]chat.ConversationID{}
	spaces := []chat.WorkspaceID{here.ws, workspace(t, here.s, "another")}
	rng := here.rng
	refused := errors.New("refused")
	for range 300 {
		c := programs[min(rng.IntN(4), 1)%2]
		c.ws = spaces[rng.IntN(len(spaces))]
		mine := ids[c.ws]
		pick := func() chat.ConversationID {
			if len(mine) == 0 {
				return chat.ConversationID(chat.NewID())
			}
			return mine[rng.IntN(len(mine))]
		}
		switch rng.IntN(10) {
		case 0, 1:
			ids[c.ws] = append(mine, c.add(codedModel, rng.IntN(6)))
		case 2:
			ids[c.ws] = append(mine, c.add(others[rng.IntN(2)], 1+rng.IntN(3)))
		case 3:
			remove(t, c.s, c.ws, pick())
		case 4:
			_ = c.s.InTx(ctx, func(tx *store.Tx) error {
				_, _, err := tx.DeleteConversations(c.ws, []chat.ConversationID{pick()}, chat.DeleteOptions{})
				return errors.Join(err, refused)
			})
		case 5: // deletes passages and adds new ones, like a re-send
			id := pick()
			err := c.s.InTx(ctx, func(tx *store.Tx) error {
				_, err := tx.EditConversation(c.ws, id, chat.Edit{Title: new(fmt.Sprint(rng.Uint64()))})
				return err
			})
			if err == nil && rng.IntN(2) == 0 {
				indexAs(t, c.s, id, c.passages(codedModel, rng.IntN(5)))
			}
		case 6:
			if rng.IntN(8) == 0 {
				remove(t, c.s, c.ws, mine...)
			}
		}
		programs[rng.IntN(2)].search(chat.Filter{})
		c.search([]chat.Filter{{}, {Platform: "claude"}, {Platform: "nobody's"}, {PinnedOnly: true}}[rng.IntN(4)])
	}
}

// Searches run while vectors are added and deleted. Each answers correctly for its own
// snapshot. Run it with -race.
func TestCodesWhileVectorsComeAndGo(t *testing.T) {
	c, db := openCoder(t, 8)
	for range 30 {
		c.add(codedModel, 5)
	}
	ctx, stop := context.WithCancel(ctx)
	var searching sync.WaitGroup
	for i := range 3 {
		searcher := &coder{TB: t, s: c.s, ws: c.ws, rng: rand.New(rand.NewPCG(uint64(i), 15))}
		searching.Go(func() {
			for ctx.Err() == nil && !t.Failed() {
				searcher.search([]chat.Filter{{}, {Platform: "claude"}}[i%2])
			}
		})
	}
	other := newCoder(t, db.OpenLimited(t, 1), 9)
	other.n = 1_000_000
	for i := range 60 {
		from := c
		if i%10 == 9 {
			from = other
		}
		id := from.add(codedModel, 1+i%4)
		if i%3 > 0 {
			remove(t, from.s, from.ws, id)
			_, known := store.CodesOf(from.s, id)
			require.False(t, known)
		}
	}
	stop()
	searching.Wait()
	c.search(chat.Filter{})
}
