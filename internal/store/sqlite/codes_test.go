package sqlite

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// someSpace is a space of no database, and of returns a block that says something.
var someSpace = dialect.VectorSpace{Workspace: 1, Model: "m", Dimensions: 8}

func someBlock() block { return block{positions: []int32{0}, codes: slices.Repeat([]byte{1}, 8)} }

func changedIn(ws chat.WorkspaceID, ids ...string) conversations {
	c := conversations{ws: {}}
	for _, id := range ids {
		c[ws][id] = struct{}{}
	}
	return c
}

// sees looks at the codes in a snapshot of that version.
func sees(t *testing.T, c *codes, version int64) sight {
	seen, err := c.look(someSpace, make([]float32, 8), 10,
		func() (int64, error) { return version, nil }, func() (map[string]bool, error) { return nil, nil })
	require.NoError(t, err)
	return seen
}

// What a transaction changes while the codes are made is not what they are made of.
func TestChangesWhileCodesAreMade(t *testing.T) {
	c := newCodes(1 << 20)
	s := c.begin(someSpace, 5)
	require.NotNil(t, s)
	require.Nil(t, c.begin(someSpace, 5), "one search makes them")
	early, late, untouched := someBlock(), someBlock(), someBlock()
	c.put(s, "early", early, 5)
	c.committed(5, 6, changedIn(1, "early", "late"))
	c.put(s, "late", late, 5)
	c.put(s, "untouched", untouched, 5)
	require.Nil(t, sees(t, c, 6).space, "they are not complete")
	c.finish(s)

	require.Equal(t, make([]byte, 8), early.codes, "taken out")
	require.Equal(t, make([]byte, 8), late.codes, "not let in")
	require.Equal(t, someBlock().codes, untouched.codes)
	seen := sees(t, c, 6)
	require.Len(t, seen.nearest, 1)
	require.Equal(t, "untouched", seen.nearest[0].Key.Conversation)
	require.ElementsMatch(t, []string{"early", "late"}, seen.changed)

	c.put(s, "late", someBlock(), 6)
	c.put(s, "early", block{}, 6) // nothing is left of it
	seen = sees(t, c, 6)
	require.Len(t, seen.nearest, 2)
	require.Empty(t, seen.changed)
	require.Equal(t, 2*someBlock().bytes(), c.bytes)
}

// Codes answer searches of their own version alone.
func TestCodesOfAnotherVersion(t *testing.T) {
	c := newCodes(1 << 20)
	s := c.begin(someSpace, 5)
	old := someBlock()
	c.put(s, "a", old, 5)
	c.finish(s)
	require.NotNil(t, sees(t, c, 5).space)
	require.Nil(t, sees(t, c, 4).space, "a snapshot from before")
	require.Nil(t, c.begin(someSpace, 4), "which changes nothing")
	require.NotNil(t, sees(t, c, 5).space)
	require.Nil(t, sees(t, c, 6).space, "another program has committed")

	again := c.begin(someSpace, 6)
	require.NotNil(t, again)
	require.Equal(t, make([]byte, 8), old.codes)
	refused := someBlock()
	c.put(s, "a", refused, 6)
	require.Equal(t, make([]byte, 8), refused.codes, "those that were begun before are over")
	require.Equal(t, int64(0), c.bytes)

	c.put(again, "a", someBlock(), 6)
	c.finish(again)
	c.committed(8, 9, changedIn(2, "elsewhere"))
	require.Empty(t, c.spaces, "somebody was in between, and has changed what nobody knows")
	require.Nil(t, c.begin(someSpace, 8))
}

// A search that finds this program's commit before the codes have heard of it leaves
// them alone.
func TestASearchBeforeTheCodesHaveHeard(t *testing.T) {
	c := newCodes(1 << 20)
	s := c.begin(someSpace, 5)
	c.put(s, "a", someBlock(), 5)
	c.finish(s)
	c.committing(6)
	require.Nil(t, c.begin(someSpace, 6), "the codes are about to be of that version")
	require.NotNil(t, sees(t, c, 5).space, "and stay what they are until then")
	c.failed()
	require.NotNil(t, sees(t, c, 5).space)
	c.committing(6)
	c.committed(5, 6, changedIn(1, "b"))
	require.Len(t, sees(t, c, 6).nearest, 1)
	require.NotNil(t, c.begin(someSpace, 7), "that is another program's")
	require.Nil(t, sees(t, c, 6).space)
}

// When one has begun in the very version that the codes then hear of, that does no harm.
func TestASearchThatBeginsBeforeTheCodesHaveHeard(t *testing.T) {
	c := newCodes(1 << 20)
	s := c.begin(someSpace, 6)
	c.put(s, "a", someBlock(), 6)
	c.committed(5, 6, changedIn(1, "a"))
	c.finish(s)
	seen := sees(t, c, 6)
	require.NotNil(t, seen.space)
	require.Equal(t, []string{"a"}, seen.changed)
}

func TestGivingUpLeavesNothing(t *testing.T) {
	c := newCodes(1 << 20)
	s := c.begin(someSpace, 1)
	made := someBlock()
	c.put(s, "a", made, 1)
	c.giveUp(s)
	require.Equal(t, make([]byte, 8), made.codes)
	require.Zero(t, c.bytes)
	require.NotNil(t, c.begin(someSpace, 1), "the next search may try")
}
