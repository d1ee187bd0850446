package chat

import "slices"

// This file decides which sent messages replace which stored ones. The alignment
// has paired what both sides have; what is left of the upload is an edit of a
// stored message, or new. The evidence for an edit is its place: between two
// messages that both sides have, or at an end of the upload where messages of the
// same senders stand. Without evidence a message is new: a duplicate can be
// deleted, a message that was overwritten is lost.

// replacer holds an alignment and the texts, by which edits that have moved are
// recognized.
type replacer struct {
	*aligner
	storedText, sentText func(i int) string
	marked               bool // the upload says which messages are hidden or on abandoned branches
	byID                 int  // pairs by external id
}

// replace pairs each sent message that is an edit with the stored one that it
// replaces. It may find that the alignment means nothing, and undo it.
func (r *replacer) replace() {
	if len(r.chain) == 0 {
		r.pairRewritten()
		return
	}
	if r.isChance() {
		r.forget()
		return
	}
	gaps := r.gaps()
	for _, g := range gaps[1 : len(gaps)-1] {
		r.pairBetween(g)
	}
	r.sortChain()
	r.pairMoved() // before an end of the upload, or what has moved there would replace what it stands beside
	r.pairAtStart()
	r.pairAtEnd()
}

// pairRewritten pairs an upload that has no message as it is stored, but all of
// them with an edit: a short conversation whose only question was corrected.
// Anything else is what was said next.
func (r *replacer) pairRewritten() {
	whole := r.gaps()[0]
	if len(whole.stored) != len(whole.sent) || !r.sameSenders(whole, false) {
		return
	}
	for n := range whole.sent {
		if r.likeness(whole.stored[n], whole.sent[n]) < edited {
			return
		}
	}
	r.pairInTurn(whole, false)
}

// nearby is how far messages move that have only changed places.
const nearby = 2

// pairMoved pairs equal messages that have another order in the upload. The stored
// one must lie within the stretch that was sent, for the same text further up is
// another message: people ask the same again. Only when all that is stored was
// sent in an order of its own, the stretch is the whole conversation.
func (r *replacer) pairMoved() {
	left, missing := free(r.toStored, 0, len(r.sent)), free(r.toSent, 0, len(r.stored))
	if len(left) == 0 || len(missing) == 0 {
		return
	}
	first, last := r.chain[0], r.chain[len(r.chain)-1]
	whole := len(missing) > len(r.chain) && r.allSent()
	from := func(j int) int {
		switch {
		case whole:
			return 0
		case j > last.sent:
			return max(first.stored, last.stored-len(r.sent))
		case j <= first.sent+nearby:
			return first.stored - nearby
		default:
			return first.stored
		}
	}
	places := map[int][]int{}
	for _, i := range missing {
		places[r.stored[i].symbol] = append(places[r.stored[i].symbol], i)
	}
	for _, j := range left {
		u := r.sent[j]
		if u.blank && !whole { // one is like another
			continue
		}
		equal := places[u.symbol]
		if at := slices.IndexFunc(equal, func(i int) bool { return i >= from(j) && r.stored[i].same(u) }); at >= 0 {
			r.match(pair{equal[at], j})
			places[u.symbol] = slices.Delete(equal, at, at+1)
		}
	}
}

// allSent reports whether the upload has every stored message, in whatever order.
func (r *replacer) allSent() bool {
	left := map[int]int{}
	for j, u := range r.sent {
		if r.toStored[j] < 0 {
			left[u.symbol]++
		}
	}
	for i, s := range r.stored {
		if r.toSent[i] >= 0 {
			continue
		}
		if left[s.symbol]--; left[s.symbol] < 0 {
			return false
		}
	}
	return true
}

// isChance reports whether the pairs are no evidence: the upload brings new
// messages, it does not reach the end of what is stored, as a conversation that
// has grown would, and all that it shares with it is a text or two that people
// say often.
func (r *replacer) isChance() bool {
	if r.byID > 0 || !slices.Contains(r.toStored, -1) {
		return false
	}
	gaps := r.gaps()
	start, end := r.visible(gaps[0]), r.visible(gaps[len(gaps)-1])
	fromStart := len(start.stored) <= len(start.sent) && r.sameSenders(start, true)
	switch toEnd := len(end.stored) <= len(end.sent); {
	case fromStart && toEnd:
		return false
	case fromStart:
		return r.telling() == 0
	case toEnd:
		return len(end.stored) > len(r.chain)
	default:
		return r.telling() < 2
	}
}

// telling counts the pairs whose text is stored once.
func (r *replacer) telling() (n int) {
	for _, p := range r.chain {
		if r.stored[p.stored].once {
			n++
		}
	}
	return n
}

// replaceable is a gap without the stored messages that a client does not see.
func (r *replacer) replaceable(g gap) gap {
	if !r.marked {
		g.stored = slices.DeleteFunc(slices.Clone(g.stored), func(i int) bool { return r.stored[i].aside })
	}
	return g
}

// visible is a gap without blank messages too: clients leave them out, or add one,
// as they like.
func (r *replacer) visible(g gap) gap {
	g = r.replaceable(g)
	g.stored = slices.DeleteFunc(slices.Clone(g.stored), func(i int) bool { return r.stored[i].blank })
	g.sent = slices.DeleteFunc(slices.Clone(g.sent), func(j int) bool { return r.sent[j].blank })
	return g
}

// sameSenders reports whether the shorter side of a gap has the senders of the
// longer one, beginning at the first message or ending at the last.
func (r *replacer) sameSenders(g gap, fromLast bool) bool {
	for n := range min(len(g.stored), len(g.sent)) {
		i, j := n, n
		if fromLast {
			i, j = len(g.stored)-1-n, len(g.sent)-1-n
		}
		if r.stored[g.stored[i]].sender != r.sent[g.sent[j]].sender {
			return false
		}
	}
	return true
}

// pairInTurn pairs the messages of a gap one by one, from its first or its last.
func (r *replacer) pairInTurn(g gap, fromLast bool) {
	for n := range min(len(g.stored), len(g.sent)) {
		i, j := g.stored[n], g.sent[n]
		if fromLast {
			i, j = g.stored[len(g.stored)-1-n], g.sent[len(g.sent)-1-n]
		}
		if r.sent[j].mayStandFor(r.stored[i]) {
			r.link(pair{i, j})
		}
	}
}

// pairAtStart deals with what was sent before the first message that is stored
// already. It replaces what stands there when that has the same senders: as many
// messages, or all that there are. More than two edits in a tail need as many
// messages that are stored already.
func (r *replacer) pairAtStart() {
	first := r.gaps()[0]
	for _, g := range []gap{r.replaceable(first), r.visible(first)} {
		isStart := len(g.stored) <= len(g.sent)
		if len(g.sent) > 0 && r.sameSenders(g, true) && (isStart || len(g.sent) <= max(2, len(r.chain))) {
			r.pairInTurn(g, true)
			r.sortChain()
			return
		}
	}
	r.pairSimilar(r.replaceable(first))
}

// pairAtEnd deals with what was sent behind the last message that is stored
// already. It replaces all that is stored there when that has the same senders,
// and goes on from there. When more is stored than was sent, nothing tells which of
// it the upload means.
func (r *replacer) pairAtEnd() {
	gaps := r.gaps()
	last := gaps[len(gaps)-1]
	for _, g := range []gap{r.replaceable(last), r.visible(last)} {
		if len(g.stored) > 0 && len(g.stored) <= len(g.sent) && r.sameSenders(g, false) {
			r.pairInTurn(g, false)
			r.sortChain()
			return
		}
	}
	r.pairSimilar(r.replaceable(last))
}

// maxCompared bounds the pairs of messages of a gap that are compared.
const maxCompared = 1 << 14

// pairSimilar pairs messages at an end of the upload that are the same but for an
// edit, or are system prompts: a conversation rarely has two.
func (r *replacer) pairSimilar(g gap) {
	r.pairBest(g, func(i, j int) int {
		if likeness := r.likeness(i, j); likeness >= edited || r.sent[j].sender == System {
			return likeness + 1
		}
		return 0
	})
}

// pairBetween deals with what was sent between two messages that are stored
// already: it replaces what is stored between them, sender by sender.
func (r *replacer) pairBetween(g gap) {
	g = r.replaceable(g)
	if len(g.stored) == len(g.sent) && r.sameSenders(g, false) {
		r.pairInTurn(g, false)
		return
	}
	const anyPair = 1 << 20 // more than all likenesses together: as many as possible are replaced
	r.pairBest(g, func(i, j int) int { return anyPair + r.likeness(i, j) })
}

// pairBest pairs messages of the same sender, in order, so that the sum of their
// scores is as large as possible. A score of 0 or less is no pair. In a gap that
// is too large to compare everything, they are paired in turn.
func (r *replacer) pairBest(g gap, score func(i, j int) int) {
	rows, columns := len(g.stored), len(g.sent)
	if rows*columns > maxCompared {
		r.pairByOrder(g, score)
		return
	}
	value := func(i, j int) int {
		if !r.sent[g.sent[j]].mayStandFor(r.stored[g.stored[i]]) {
			return 0
		}
		return score(g.stored[i], g.sent[j])
	}
	best := make([][]int, rows+1)
	for i := range best {
		best[i] = make([]int, columns+1)
	}
	worth := make([][]int, rows)
	for i := rows - 1; i >= 0; i-- {
		worth[i] = make([]int, columns)
		for j := columns - 1; j >= 0; j-- {
			worth[i][j] = value(i, j)
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if worth[i][j] > 0 {
				best[i][j] = max(best[i][j], best[i+1][j+1]+worth[i][j])
			}
		}
	}
	for i, j := 0, 0; i < rows && j < columns; {
		switch {
		case worth[i][j] > 0 && best[i][j] == best[i+1][j+1]+worth[i][j]:
			r.link(pair{g.stored[i], g.sent[j]})
			i, j = i+1, j+1
		case best[i][j] == best[i+1][j]:
			i++
		default:
			j++
		}
	}
	r.sortChain()
}

func (r *replacer) pairByOrder(g gap, score func(i, j int) int) {
	next := 0
	for _, j := range g.sent {
		for n := next; n < min(len(g.stored), next+alignDepth); n++ {
			if i := g.stored[n]; r.sent[j].mayStandFor(r.stored[i]) && score(i, j) > 0 {
				r.link(pair{i, j})
				next = n + 1
				break
			}
		}
	}
	r.sortChain()
}

const (
	edited     = 75  // the likeness, of 100, from which a text counts as an edit of another
	leastAlike = 20  // bytes that both must have at least: short texts are alike by chance
	mostAlike  = 512 // bytes that are compared at each end
)

// likeness tells how much of two texts is the same at their beginning and end, in
// per cent; 0 for short ones. A text that goes on where the other ends is the same.
func (r *replacer) likeness(i, j int) int {
	s, u := r.storedText(i), r.sentText(j)
	short, long := s, u
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) < leastAlike {
		return 0
	}
	most := min(len(short), mostAlike)
	head := 0
	for head < most && short[head] == long[head] {
		head++
	}
	if head == len(short) {
		return 100
	}
	tail := 0
	for tail < most-head && short[len(short)-1-tail] == long[len(long)-1-tail] {
		tail++
	}
	return 100 * (head + tail) / min(len(long), mostAlike)
}
