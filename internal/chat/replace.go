package chat

import "slices"

// This file decides which sent messages replace which stored ones. The alignment has
// paired the messages that both sides have. Each remaining message of the upload is
// either an edit of a stored message or new. The evidence for an edit is its place:
// between two messages that both sides have, or at an end of the upload where the
// stored messages have the same senders. Without evidence a message counts as new,
// because a duplicate can be deleted later but an overwritten message is lost.

// replacer holds an alignment, and the texts for recognizing edits that have moved.
type replacer struct {
	*aligner
	storedText, sentText func(i int) string
	marked               bool // the upload says which messages are hidden or on abandoned branches
	known                int  // number of pairs by external id or position, which are no coincidence
}

// replace pairs each edit in the upload with the stored message that it replaces. If
// the alignment turns out to be a coincidence, replace undoes it.
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
	r.pairMoved() // first, because pairAtStart and pairAtEnd would treat moved messages as edits of their neighbors
	r.pairAtStart()
	r.pairAtEnd()
}

// pairRewritten handles an upload that shares no message with the stored conversation.
// If each message is an edit of the stored one at the same place, all are paired, for
// example when the only question of a short conversation was corrected. Otherwise the
// upload continues the conversation.
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

// nearby is how many places a message may move at the start of an upload.
const nearby = 2

// pairMoved pairs equal messages whose order differs in the upload. The stored message
// must be within the stretch that was sent, because people repeat themselves: the same
// text further up is another message. If every stored message was sent, in any order,
// the stretch is the whole conversation.
func (r *replacer) pairMoved() {
	left, missing := r.freeSent(0, len(r.sent)), free(r.toSent, 0, len(r.stored))
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
		if u.blank && !whole { // blank messages all look the same
			continue
		}
		equal := places[u.symbol]
		if at := slices.IndexFunc(equal, func(i int) bool { return i >= from(j) && r.stored[i].same(u) }); at >= 0 {
			r.match(pair{equal[at], j})
			places[u.symbol] = slices.Delete(equal, at, at+1)
		}
	}
}

// allSent reports whether the upload contains every stored message, in any order.
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

// isChance reports whether the pairs are a coincidence: the upload has new messages, it
// does not reach the end of the stored conversation, as an upload of a grown
// conversation would, and the only texts in common are one or two that people say
// often.
func (r *replacer) isChance() bool {
	if r.known > 0 || len(r.freeSent(0, len(r.sent))) == 0 {
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

// telling counts the pairs whose text is stored only once.
func (r *replacer) telling() (n int) {
	for _, p := range r.chain {
		if r.stored[p.stored].once {
			n++
		}
	}
	return n
}

// replaceable returns a gap without the stored messages that the client does not see.
func (r *replacer) replaceable(g gap) gap {
	if !r.marked {
		g.stored = slices.DeleteFunc(slices.Clone(g.stored), func(i int) bool { return r.stored[i].aside })
	}
	return g
}

// visible returns a gap without blank messages too, because clients drop and add blank
// messages freely.
func (r *replacer) visible(g gap) gap {
	g = r.replaceable(g)
	g.stored = slices.DeleteFunc(slices.Clone(g.stored), func(i int) bool { return r.stored[i].blank })
	g.sent = slices.DeleteFunc(slices.Clone(g.sent), func(j int) bool { return r.sent[j].blank })
	return g
}

// sameSenders reports whether both sides of a gap have the same senders, up to the
// length of the shorter side, counted from the first message or from the last.
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

// pairInTurn pairs the messages of a gap one by one, from the first or from the last.
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

// pairAtStart handles the sent messages before the first known one. They replace the
// stored messages there if the senders are the same and either the whole stored start
// was sent or only a few messages are edits: at most two, or as many as the upload has
// known messages.
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

// pairAtEnd handles the sent messages after the last known one. If the senders of the
// stored messages there are the same, the first sent messages replace all of them and
// the rest are new. If more messages are stored than were sent, it is unknown which of
// them the upload means, so only similar texts are paired.
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

// maxCompared limits how many pairs of messages of a gap are compared.
const maxCompared = 1 << 14

// pairSimilar pairs messages at an end of the upload that are similar enough to be
// edits. System prompts are always paired, because a conversation rarely has two.
func (r *replacer) pairSimilar(g gap) {
	r.pairBest(g, func(i, j int) int {
		if likeness := r.likeness(i, j); likeness >= edited || r.sent[j].sender == System {
			return likeness + 1
		}
		return 0
	})
}

// pairBetween handles the sent messages between two known ones. They replace the stored
// messages between the same two, sender by sender.
func (r *replacer) pairBetween(g gap) {
	g = r.replaceable(g)
	if len(g.stored) == len(g.sent) && r.sameSenders(g, false) {
		r.pairInTurn(g, false)
		return
	}
	const anyPair = 1 << 20 // larger than the sum of all likenesses, so that the number of pairs counts first
	r.pairBest(g, func(i, j int) int { return anyPair + r.likeness(i, j) })
}

// pairBest pairs messages of the same sender, in order, with the largest possible sum
// of scores. A score of 0 or less means no pair. A gap that is too large for a full
// comparison is paired by order.
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
	edited     = 75  // the likeness, in per cent, from which a text counts as an edit of another
	leastAlike = 20  // shortest text in bytes that is compared: shorter texts are alike by chance
	mostAlike  = 512 // bytes compared at each end
)

// likeness returns how much of two texts is equal at their beginning and end, in per
// cent; 0 for short texts and 100 when one text continues the other.
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
