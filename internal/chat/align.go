package chat

import (
	"slices"

	"golang.org/x/text/unicode/norm"
)

// turn is the part of a message that an alignment compares.
type turn struct {
	symbol int // equal for equal sender and text, whatever the white space
	exact  int // equal for equal sender and text, white space included
	sender Sender
	named  bool // it has an external id
	blank  bool // its text is empty or white space
	once   bool // no other stored message is equal
	aside  bool // it is hidden or on an abandoned branch

	forgotten bool // of a sent message: it may only be the same as a stored one, neither new nor an edit
}

// markedLike returns the turn of a message with the same sender and text.
func (s turn) markedLike(m Message) turn {
	s.named, s.aside = m.ExternalID != "", m.Hidden || m.Branch != ""
	return s
}

// same reports whether two messages have the same sender and text, apart from white
// space. Two messages that both have an external id are compared by id elsewhere and are
// never the same here.
func (s turn) same(u turn) bool { return s.symbol == u.symbol && !(s.named && u.named) }

// mayStandFor reports whether one message may replace the other.
func (s turn) mayStandFor(u turn) bool {
	return s.sender == u.sender && !(s.named && u.named) && !s.forgotten
}

// symbols assigns numbers to messages, so that comparing two of them is cheap. Texts are
// compared in NFC, so the encoding of accents makes no difference.
type symbols struct {
	loose map[looseContent]int
	exact map[content]int
	words *wordHash
}

type content struct {
	sender Sender
	text   string
}

// looseContent holds a checksum instead of the text: a text with its white space changed
// would be a copy of each long message.
type looseContent struct {
	sender Sender
	words  wordSum
}

func newSymbols() symbols {
	return symbols{loose: map[looseContent]int{}, exact: map[content]int{}, words: newWordHash()}
}

// turn returns the message as the alignment sees it.
func (all symbols) turn(m Message) turn {
	text := norm.NFC.String(m.Text)
	return turn{
		symbol: number(all.loose, looseContent{m.Sender, all.words.of(text)}), exact: number(all.exact, content{m.Sender, text}),
		sender: m.Sender, named: m.ExternalID != "", blank: isBlank(m.Text), aside: m.Hidden || m.Branch != "",
	}
}

// number returns the number of a key, which is the next free one if the key is new.
func number[K comparable](all map[K]int, key K) int {
	n, known := all[key]
	if !known {
		n = len(all)
		all[key] = n
	}
	return n
}

// pair is the places of a stored message and of the sent message that it corresponds to.
type pair struct{ stored, sent int }

// The limits of an alignment. Two stretches are compared exactly when they have up to
// alignCells pairs of messages. Longer stretches are divided at messages that occur
// once in each, up to alignDepth times, and then compared in one pass.
const (
	alignCells = 1 << 18
	alignDepth = 12
)

// aligner finds the messages of an upload that are already stored. Its time and memory
// grow linearly with the number of messages, whatever their content.
type aligner struct {
	stored, sent     []turn
	toSent, toStored []int  // the place of each message's partner on the other side, or -1
	chain            []pair // the pairs whose order is the same on both sides, in that order
	placed           bool   // both sides begin at the same position
	aligned          bool   // all equal messages are paired
}

func newAligner(stored, sent []turn) *aligner {
	count := make(map[int]int, len(stored))
	for _, s := range stored {
		count[s.symbol]++
	}
	for i := range stored {
		stored[i].once = count[stored[i].symbol] == 1 && !stored[i].blank
	}
	a := &aligner{stored: stored, sent: sent, toSent: make([]int, len(stored)), toStored: make([]int, len(sent))}
	a.forget()
	return a
}

// forget undoes all pairs.
func (a *aligner) forget() {
	for i := range a.toSent {
		a.toSent[i] = -1
	}
	for i := range a.toStored {
		a.toStored[i] = -1
	}
	a.chain = nil
}

func (a *aligner) match(p pair) { a.toSent[p.stored], a.toStored[p.sent] = p.sent, p.stored }

// align pairs the messages that are known to be the same, then those with the same sender
// and text. The pairs of the chain have the same order on both sides.
func (a *aligner) align(known []pair) {
	for _, p := range known {
		a.match(p)
	}
	a.chain = inOrder(known)
	gaps := a.gaps()
	for n, g := range gaps {
		g.opens, g.closes = n > 0 || a.placed, n < len(gaps)-1
		a.alignGap(g, 0)
	}
	a.sortChain()
	a.aligned = true
}

func (a *aligner) link(p pair) {
	a.match(p)
	a.chain = append(a.chain, p)
}

func (a *aligner) sortChain() {
	slices.SortFunc(a.chain, func(x, y pair) int { return x.sent - y.sent })
}

// gap is the messages without a partner between two neighbors in the chain.
type gap struct {
	stored, sent  []int
	opens, closes bool // a pair of the chain is before it, and after it
}

// gaps returns the gaps before, between and after the pairs of the chain. There is one
// gap more than pairs.
func (a *aligner) gaps() []gap {
	all := make([]gap, 0, len(a.chain)+1)
	stored, sent := 0, 0
	for _, p := range append(slices.Clone(a.chain), pair{len(a.stored), len(a.sent)}) {
		all = append(all, gap{stored: free(a.toSent, stored, p.stored), sent: a.freeSent(sent, p.sent)})
		stored, sent = p.stored+1, p.sent+1
	}
	return all
}

// free returns the places in [from, to) that have no partner.
func free(partner []int, from, to int) (places []int) {
	for i := from; i < to; i++ {
		if partner[i] < 0 {
			places = append(places, i)
		}
	}
	return places
}

// freeSent is free for sent messages. Once all equal messages are paired, the forgotten
// ones that are left can have no partner any more.
func (a *aligner) freeSent(from, to int) []int {
	return slices.DeleteFunc(free(a.toStored, from, to), func(j int) bool { return a.aligned && a.sent[j].forgotten })
}

// alignGap pairs equal messages of a gap.
func (a *aligner) alignGap(g gap, depth int) {
	if len(g.stored) == 0 || len(g.sent) == 0 {
		return
	}
	if len(g.stored)*len(g.sent) <= alignCells {
		a.alignExactly(g)
		return
	}
	anchors := a.anchors(g.stored, g.sent)
	if len(anchors) == 0 || depth == alignDepth {
		a.alignInOnePass(g.stored, g.sent)
		return
	}
	part := gap{opens: g.opens, closes: true}
	stored, sent := 0, 0
	for _, p := range anchors {
		part.stored, part.sent = g.stored[stored:p.stored], g.sent[sent:p.sent]
		a.alignGap(part, depth+1)
		a.link(pair{g.stored[p.stored], g.sent[p.sent]})
		stored, sent, part.opens = p.stored+1, p.sent+1, true
	}
	a.alignGap(gap{g.stored[stored:], g.sent[sent:], part.opens, g.closes}, depth+1)
}

// anchors pairs messages that occur exactly once in each of two stretches and have the
// same order in both. The pairs are indexes into the stretches.
func (a *aligner) anchors(stored, sent []int) []pair {
	type found struct{ stored, sent, inStored, inSent int }
	seen := make(map[int]found, len(sent))
	for j, at := range sent {
		f := seen[a.sent[at].symbol]
		f.sent, f.inSent = j, f.inSent+1
		seen[a.sent[at].symbol] = f
	}
	for i, at := range stored {
		f, known := seen[a.stored[at].symbol]
		if !known {
			continue
		}
		f.stored, f.inStored = i, f.inStored+1
		seen[a.stored[at].symbol] = f
	}
	var once []pair
	for j, at := range sent {
		f := seen[a.sent[at].symbol]
		if f.inStored == 1 && f.inSent == 1 && a.stored[stored[f.stored]].same(a.sent[at]) {
			once = append(once, pair{f.stored, j})
		}
	}
	return inOrder(once)
}

// inOrder returns the longest subset of pairs that has the same order on both sides,
// in that order.
func inOrder(pairs []pair) []pair {
	pairs = slices.Clone(pairs)
	slices.SortFunc(pairs, func(x, y pair) int { return x.sent - y.sent })
	var tails []int // the last pair of the best subsets of 1, 2, ... pairs
	before := make([]int, len(pairs))
	for i, p := range pairs {
		n, _ := slices.BinarySearchFunc(tails, p.stored, func(tail, stored int) int { return pairs[tail].stored - stored })
		before[i] = -1
		if n > 0 {
			before[i] = tails[n-1]
		}
		if n == len(tails) {
			tails = append(tails, i)
		} else {
			tails[n] = i
		}
	}
	if len(tails) == 0 {
		return nil
	}
	selected := make([]pair, len(tails))
	for n, i := len(tails)-1, tails[len(tails)-1]; n >= 0; n, i = n-1, before[i] {
		selected[n] = pairs[i]
	}
	return selected
}

// alignInOnePass pairs each sent message with the first equal stored message after
// the previous pair.
func (a *aligner) alignInOnePass(stored, sent []int) {
	places := make(map[int][]int, len(stored)) // symbol -> its stored places, in order
	for _, at := range stored {
		places[a.stored[at].symbol] = append(places[a.stored[at].symbol], at)
	}
	next := 0
	for _, j := range sent {
		symbol := a.sent[j].symbol
		left := places[symbol]
		for len(left) > 0 && (left[0] < next || !a.stored[left[0]].same(a.sent[j])) {
			left = left[1:]
		}
		if len(left) > 0 {
			a.link(pair{left[0], j})
			next, left = left[0]+1, left[1:]
		}
		places[symbol] = left
	}
}

// alignExactly pairs as many equal messages of a gap as possible, in the same order on
// both sides. Among alignments of the same size it prefers, first, pairs of texts that
// are stored once, then pairs with the same distance from their neighbors on both
// sides, then pairs with the same white space, and then pairs that are latest in the
// stored conversation and earliest in the upload, because that is where an upload
// continues a conversation that has grown.
func (a *aligner) alignExactly(g gap) {
	t := newTable(a, g)
	i, j, level := 0, 0, g.opens
	for i < len(g.stored) && j < len(g.sent) {
		_, what := t.best(i, j, level)
		switch what {
		case pairUp:
			a.link(pair{g.stored[i], g.sent[j]})
			i, j, level = i+1, j+1, true
		case passBoth:
			i, j, level = i+1, j+1, true
		case passStored:
			i, level = i+1, false
		case passSent:
			j, level = j+1, false
		}
	}
}

// table holds the best score for the rest of a gap after each pair of places.
type table struct {
	a      *aligner
	g      gap
	after  [2][]int32 // index 1 (level): both sides have the same distance from the previous neighbor; index 0: not
	weight int32      // the score of a pair; larger than the sum of all bonuses that rank pairs
}

// What a pair is worth besides being a pair.
const (
	bonusExact int32 = 1 << iota // the same white space
	bonusLevel                   // the same distance from its neighbor on both sides
	bonusOnce                    // a text that is stored once
	allBonuses = bonusExact + bonusLevel + bonusOnce
)

type step int

const (
	passStored step = iota
	pairUp
	passBoth // a stored and a sent message of the same sender, which may be an edit
	passSent
)

func newTable(a *aligner, g gap) *table {
	rows, columns := len(g.stored)+1, len(g.sent)+1
	t := &table{a: a, g: g, weight: allBonuses*int32(min(rows, columns)) + 1} //nolint:gosec // at most alignCells
	t.after[0], t.after[1] = make([]int32, rows*columns), make([]int32, rows*columns)
	if g.closes {
		t.after[1][rows*columns-1] = 1
	}
	for i := rows - 2; i >= 0; i-- {
		for j := columns - 2; j >= 0; j-- {
			t.after[0][i*columns+j], _ = t.best(i, j, false)
			t.after[1][i*columns+j], _ = t.best(i, j, true)
		}
	}
	return t
}

func (t *table) best(i, j int, level bool) (score int32, what step) {
	columns := len(t.g.sent) + 1
	at := i*columns + j
	consider := func(s int32, w step) {
		if s > score {
			score, what = s, w
		}
	}
	score, what = t.after[0][at+columns], passStored
	s, u := t.a.stored[t.g.stored[i]], t.a.sent[t.g.sent[j]]
	switch {
	case s.same(u):
		gain := t.weight
		if s.once {
			gain += bonusOnce
		}
		if s.exact == u.exact {
			gain += bonusExact
		}
		if level {
			gain += bonusLevel
		}
		consider(t.after[1][at+columns+1]+gain, pairUp)
	case u.mayStandFor(s):
		consider(t.after[1][at+columns+1], passBoth)
	}
	consider(t.after[0][at+1], passSent)
	return score, what
}
