package tree

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func at(minute int) time.Time { return time.Date(2026, 3, 1, 9, minute, 0, 0, time.UTC) }

// said formats an order as text: "a b | c/c", with the branch after a slash.
func said(nodes []Node, o Order) (s string) {
	for _, p := range o.Nodes {
		s += " " + nodes[p.Index].ID
		if p.Branch != "" {
			s += "/" + p.Branch
		}
	}
	return s
}

func TestArrange(t *testing.T) {
	tests := map[string]struct {
		nodes   []Node
		leaf    string
		want    string
		missing int
	}{
		"a path without children links": {
			[]Node{{ID: "c", Parent: "b"}, {ID: "a"}, {ID: "b", Parent: "a"}}, "c", " a b c", 0},
		"an answer that was generated again": {
			[]Node{{ID: "q", At: at(1)}, {ID: "old", Parent: "q", At: at(2)}, {ID: "new", Parent: "q", At: at(3)}, {ID: "q2", Parent: "new", At: at(4)}},
			"q2", " q new q2 old/old", 0},
		"the active path is not the newest": {
			[]Node{{ID: "q", At: at(1)}, {ID: "old", Parent: "q", At: at(2)}, {ID: "new", Parent: "q", At: at(3)}}, "old", " q old new/new", 0},
		"no leaf is named": {
			[]Node{{ID: "q", At: at(1)}, {ID: "x", Parent: "q", At: at(5)}, {ID: "a", Parent: "q", At: at(3)}}, "", " q x a/a", 0},
		"the leaf is missing": {
			[]Node{{ID: "q", At: at(1)}, {ID: "x", Parent: "q", At: at(5)}}, "dangling", " q x", 0},
		"equal times go by id": {
			[]Node{{ID: "q", At: at(1)}, {ID: "b", Parent: "q", At: at(2)}, {ID: "a", Parent: "q", At: at(2)}}, "", " q b a/a", 0},
		"a node without a time has that of its parent": {
			[]Node{{ID: "q", At: at(1)}, {ID: "x", Parent: "q", At: at(5)}, {ID: "tail", Parent: "x"}, {ID: "a", Parent: "q", At: at(3)}}, "", " q x tail a/a", 0},
		"an empty root and an empty node between": {
			[]Node{{ID: "root", Empty: true}, {ID: "a", Parent: "root"}, {ID: "gap", Parent: "a", Empty: true}, {ID: "b", Parent: "gap"}}, "b", " a b", 0},
		"a lost message in the middle": {
			[]Node{{ID: "a", At: at(1)}, {ID: "b", Parent: "a", At: at(2)}, {ID: "d", Parent: "c", At: at(4)}, {ID: "e", Parent: "d", At: at(5)}}, "e", " a b d e", 1},
		"an orphan beside the path": {
			[]Node{{ID: "a", At: at(1)}, {ID: "b", Parent: "a", At: at(2)}, {ID: "x", Parent: "lost", At: at(1)}}, "b", " a b x/x", 1},
		"a circle": {
			[]Node{{ID: "a", Parent: "c", At: at(1)}, {ID: "b", Parent: "a", At: at(2)}, {ID: "c", Parent: "b", At: at(3)}}, "c", " a b c", 0},
		"its own parent": {[]Node{{ID: "a", Parent: "a"}}, "a", " a", 0},
		"the same id twice": {
			[]Node{{ID: "a", At: at(1)}, {ID: "b", Parent: "a", At: at(2)}, {ID: "b", Parent: "a", At: at(3)}}, "b", " a b", 0},
		"a branch with branches": {
			[]Node{{ID: "q", At: at(1)}, {ID: "n", Parent: "q", At: at(9)}, {ID: "o", Parent: "q", At: at(2)}, {ID: "o1", Parent: "o", At: at(3)}, {ID: "o2", Parent: "o", At: at(4)}},
			"n", " q n o/o1 o1/o1 o2/o2", 0},
		"nothing": {nil, "x", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Arrange(test.nodes, test.leaf)
			require.Equal(t, test.want, said(test.nodes, got))
			require.Equal(t, test.missing, got.MissingParents)
		})
	}
}

// TestTheOrderInTheFileDoesNotMatter arranges random trees, also with circles and missing
// parents, in two orders.
func TestTheOrderInTheFileDoesNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 1 + random.IntN(12)
		nodes := make([]Node, n)
		for i := range nodes {
			nodes[i] = Node{ID: fmt.Sprint("n", i), Empty: random.IntN(5) == 0}
			if random.IntN(4) > 0 {
				nodes[i].Parent = fmt.Sprint("n", random.IntN(n+2))
			}
			if random.IntN(3) > 0 {
				nodes[i].At = at(random.IntN(8))
			}
		}
		leaf := fmt.Sprint("n", random.IntN(n+1))
		want := said(nodes, Arrange(nodes, leaf))
		seen := map[int]bool{}
		for _, p := range Arrange(nodes, leaf).Nodes {
			require.False(t, seen[p.Index], "a node is there twice")
			seen[p.Index] = true
		}
		for i, node := range nodes {
			require.Equal(t, !node.Empty, seen[i], "node %s", node.ID)
		}
		random.Shuffle(n, func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		require.Equal(t, want, said(nodes, Arrange(nodes, leaf)))
	}
}

// TestOrphansByTheThousand would take minutes if each missing parent cost a search of all
// nodes.
func TestOrphansByTheThousand(t *testing.T) {
	nodes := make([]Node, 200_000)
	for i := range nodes {
		nodes[i] = Node{ID: fmt.Sprint(i), Parent: fmt.Sprint("lost", i), At: at(0).Add(time.Duration(i) * time.Second)}
	}
	got := Arrange(nodes, "199999")
	require.Len(t, got.Nodes, 200_000)
	require.Equal(t, 0, got.Nodes[0].Index)
	require.Empty(t, got.Nodes[199_998].Branch)
}
