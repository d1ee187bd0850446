// Package tree orders the messages of a conversation that is a tree, because questions were
// edited and answers were generated again. The order depends on ids and times alone, and not
// on the order in the file.
package tree

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Node is a message, or a place in the tree that has none.
type Node struct {
	ID     string    // unique
	Parent string    // empty for the first message; may name a node that is missing
	At     time.Time // zero when unknown
	Empty  bool      // has no message: links are followed through it, but it is not in the result
}

// Placed is a node in the order of the conversation.
type Placed struct {
	Index  int    // of the node in the given list
	Branch string // empty on the active path, else the id of the last node of the branch
}

// Order is a conversation in order.
type Order struct {
	Nodes          []Placed
	MissingParents int // nodes whose parent is not in the list
}

// Arrange orders nodes: first the active path, from the first message to the leaf, then
// each abandoned branch, the oldest first. leaf is the id of the active path's last node.
// If it is empty or missing, the newest node without children is the leaf.
//
// Every node that is not Empty is in the result once, also when links form a circle or a
// parent is missing. If the active path begins with a node whose parent is missing, it goes
// on with the newest older node that is not below it, because a message was lost there. Of
// several nodes with one id only the last is in the result.
func Arrange(nodes []Node, leaf string) Order {
	t := plant(nodes)
	t.link()
	t.cutCircles()
	end, ok := t.byID[leaf]
	if !ok {
		end = t.newestLeaf()
	}
	t.activePath(end)
	t.branches()
	return t.order
}

const none = -1

type forest struct {
	nodes    []Node
	byID     map[string]int
	parent   []int // index, or none
	missing  []bool
	children [][]int
	root     []int       // the first node of the tree that the node is in
	at       []time.Time // of the node, or of its nearest ancestor with a time
	dropped  []bool      // another node with the same id follows
	placed   []bool
	order    Order
}

func plant(nodes []Node) *forest {
	n := len(nodes)
	t := &forest{
		nodes: nodes, byID: make(map[string]int, n), parent: make([]int, n), missing: make([]bool, n),
		children: make([][]int, n), root: make([]int, n), at: make([]time.Time, n), dropped: make([]bool, n), placed: make([]bool, n),
	}
	for i, node := range nodes {
		if earlier, again := t.byID[node.ID]; again {
			t.dropped[earlier] = true
		}
		t.byID[node.ID] = i
	}
	return t
}

func (t *forest) link() {
	for i, node := range t.nodes {
		t.parent[i] = none
		if t.dropped[i] || node.Parent == "" {
			continue
		}
		parent, ok := t.byID[node.Parent]
		switch {
		case !ok:
			t.missing[i] = true
			t.order.MissingParents++
		case parent != i:
			t.parent[i] = parent
		}
	}
}

// cutCircles makes the oldest node of each circle a root, and then records children and times.
func (t *forest) cutCircles() {
	const walking, walked = 1, 2
	state := make([]uint8, len(t.nodes))
	for i := range t.nodes {
		var path []int
		at := i
		for at != none && state[at] == 0 {
			state[at] = walking
			path = append(path, at)
			at = t.parent[at]
		}
		if at != none && state[at] == walking {
			t.parent[t.oldest(path[slices.Index(path, at):])] = none
		}
		for _, p := range path {
			state[p] = walked
		}
	}
	for i, parent := range t.parent {
		if parent != none {
			t.children[parent] = append(t.children[parent], i)
		}
	}
	for i := range t.nodes {
		t.describe(i)
	}
}

// describe gives the nodes of a tree their root and time, if node i is its first.
func (t *forest) describe(i int) {
	if t.parent[i] != none {
		return
	}
	for todo := []int{i}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], t.children[at]...)
		t.root[at] = i
		t.at[at] = t.nodes[at].At
		if t.at[at].IsZero() && t.parent[at] != none {
			t.at[at] = t.at[t.parent[at]]
		}
	}
}

func (t *forest) oldest(among []int) int {
	return slices.MinFunc(among, func(a, b int) int {
		return cmp.Or(t.nodes[a].At.Compare(t.nodes[b].At), strings.Compare(t.nodes[a].ID, t.nodes[b].ID))
	})
}

// byTime compares two nodes by time, then by id.
func (t *forest) byTime(a, b int) int {
	return cmp.Or(t.at[a].Compare(t.at[b]), strings.Compare(t.nodes[a].ID, t.nodes[b].ID))
}

func (t *forest) newestLeaf() int {
	newest := none
	for i := range t.nodes {
		if t.dropped[i] || len(t.children[i]) > 0 {
			continue
		}
		if newest == none || t.byTime(i, newest) > 0 {
			newest = i
		}
	}
	return newest
}

// activePath places the nodes from the first to the leaf.
func (t *forest) activePath(leaf int) {
	var path []int
	older := t.newestFirst()
	trees := map[int]bool{} // whose nodes are on the path
	for at := leaf; at != none; {
		path = append(path, at)
		next := t.parent[at]
		if next == none {
			trees[at] = true
			if t.missing[at] {
				next, older = t.lastBefore(at, older, trees)
			}
		}
		at = next
	}
	slices.Reverse(path)
	for _, i := range path {
		t.place(i, "")
	}
}

// newestFirst returns the nodes that a path with a missing parent may go on with.
func (t *forest) newestFirst() []int {
	if t.order.MissingParents == 0 {
		return nil
	}
	var nodes []int
	for i := range t.nodes {
		if !t.dropped[i] && !t.nodes[i].Empty && !t.at[i].IsZero() {
			nodes = append(nodes, i)
		}
	}
	slices.SortFunc(nodes, func(a, b int) int { return t.byTime(b, a) })
	return nodes
}

// lastBefore returns the first of the nodes that is older than node i and of another tree
// than those given, or none, and the nodes after it.
func (t *forest) lastBefore(i int, nodes []int, trees map[int]bool) (int, []int) {
	for at, j := range nodes {
		if t.at[j].Before(t.at[i]) && !trees[t.root[j]] {
			return j, nodes[at+1:]
		}
	}
	return none, nil
}

// branches adds the nodes outside of the active path: the branches, ordered by the time of their last node. Nodes
// that two branches share belong to the older one.
func (t *forest) branches() {
	var leaves []int
	for i := range t.nodes {
		if !t.dropped[i] && !t.placed[i] && !slices.ContainsFunc(t.children[i], func(c int) bool { return !t.placed[c] }) {
			leaves = append(leaves, i)
		}
	}
	slices.SortFunc(leaves, t.byTime)
	for _, leaf := range leaves {
		var path []int
		for at := leaf; at != none && !t.placed[at]; at = t.parent[at] {
			path = append(path, at)
		}
		slices.Reverse(path)
		for _, i := range path {
			t.place(i, t.nodes[leaf].ID)
		}
	}
}

func (t *forest) place(i int, branch string) {
	t.placed[i] = true
	if !t.nodes[i].Empty {
		t.order.Nodes = append(t.order.Nodes, Placed{Index: i, Branch: branch})
	}
}
