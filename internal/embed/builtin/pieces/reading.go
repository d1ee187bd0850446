package pieces

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Reading is the result of splitting a text into pieces. It can be reused for text
// after text, by one goroutine at a time.
type Reading struct {
	IDs     []int32 // in order; neighboring unknown characters are one Unknown
	Runes   int     // of the text in its normal form, white space included
	Words   int     // number of words between white space
	Unknown int     // how many of the ids are Unknown

	normal []byte
	chars  []rune    // the normalized text
	best   []float64 // by end: the score of the best split of the text up to there
	last   []int32   // by end: the last piece of that split
}

// Read splits a text into the pieces of v. A text of white space has none.
func (r *Reading) Read(v *Vocabulary, text string) {
	r.prepare(text)
	r.search(v)
	r.collect(v)
}

// prepare normalizes the text as in the model's training: NFKC, and a mark before
// each word.
func (r *Reading) prepare(text string) {
	r.normal = norm.NFKC.AppendString(r.normal[:0], text)
	r.chars, r.Words, r.Runes = r.chars[:0], 0, 0
	inWord := false
	for rest := r.normal; len(rest) > 0; {
		char, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		r.Runes++
		if unicode.IsSpace(char) {
			inWord = false
			continue
		}
		if !inWord {
			r.chars = append(r.chars, mark)
			r.Words++
			inWord = true
		}
		r.chars = append(r.chars, char)
	}
}

// search finds the best split of the text up to every place. A character at which no
// piece begins is unknown and has the score 0.
//
// In the original search, a place that no split has reached has the sum 0, and a sum
// of 0 is replaced by any other. Both are kept, because the model reads a text well
// only if it is split as in its training.
func (r *Reading) search(v *Vocabulary) {
	places := len(r.chars) + 1
	r.best = append(r.best[:0], make([]float64, places)...)
	r.last = append(r.last[:0], make([]int32, places)...)
	for start := range r.chars {
		begins := false
		var node int32
		for end := start; end < len(r.chars); end++ {
			to, ok := v.next[edge{node, r.chars[end]}]
			if !ok {
				break
			}
			node = to
			if id := v.ends[node]; id != 0 {
				begins = true
				r.offer(end+1, r.best[start]+v.pieces[id].Score, id)
			}
		}
		if !begins {
			r.offer(start+1, r.best[start], Unknown)
		}
	}
}

// offer keeps a split up to a place if it is the best so far. Of equal splits the
// later one wins, which has the shorter last piece.
func (r *Reading) offer(place int, sum float64, last int32) {
	if best := r.best[place]; best == 0 || sum >= best {
		r.best[place], r.last[place] = sum, last
	}
}

// collect reads the best split from its end.
func (r *Reading) collect(v *Vocabulary) {
	r.IDs, r.Unknown = r.IDs[:0], 0
	for end := len(r.chars); end > 0; end -= int(v.length[r.last[end]]) {
		id := r.last[end]
		if id == Unknown {
			if n := len(r.IDs); n > 0 && r.IDs[n-1] == Unknown {
				continue
			}
			r.Unknown++
		}
		r.IDs = append(r.IDs, id)
	}
	slices.Reverse(r.IDs)
}
