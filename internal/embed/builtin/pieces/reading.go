package pieces

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Reading is a text in pieces. Its memory serves one text after another; it is
// for one goroutine at a time.
type Reading struct {
	IDs     []int32 // in order; neighboring unknown characters are one Unknown
	Words   int     // what stood between white space
	Unknown int     // how many of the ids are Unknown

	normal []byte
	chars  []rune    // the text as it is cut
	best   []float64 // by end: the sum of the best cut up to there
	last   []int32   // by end: the last piece of that cut
}

// Read cuts a text into the pieces of v. A text of white space has none.
func (r *Reading) Read(v *Vocabulary, text string) {
	r.prepare(text)
	r.search(v)
	r.collect(v)
}

// prepare brings the text into the form that the vocabulary was made from:
// compatibility characters replaced (NFKC), and each word behind a mark.
func (r *Reading) prepare(text string) {
	r.normal = norm.NFKC.AppendString(r.normal[:0], text)
	r.chars, r.Words = r.chars[:0], 0
	inWord := false
	for rest := r.normal; len(rest) > 0; {
		char, size := utf8.DecodeRune(rest)
		rest = rest[size:]
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

// search finds the best cut up to every place. A character at which no piece
// begins is unknown and costs nothing.
//
// The vectors of the model's authors come from a search in which a place that no
// cut reaches has the sum 0, and in which a sum of 0 gives way to any other. Both
// are kept, because a model reads well only what is cut as in its training.
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

// offer takes a cut up to a place if it is the best so far; of equals the one
// with the shorter last piece, which comes later.
func (r *Reading) offer(place int, sum float64, last int32) {
	if best := r.best[place]; best == 0 || sum >= best {
		r.best[place], r.last[place] = sum, last
	}
}

// collect walks the best cut from its end.
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
