package pieces

import (
	"strings"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Unknown is the id of every character that no piece covers.
const Unknown = 0

// reserved is the number of ids at the start that have no text.
const reserved = 6

// mark replaces the white space before each word.
const mark = '\u2581'

// Piece is an entry of a vocabulary. Its id is its index.
type Piece struct {
	Text  string
	Score float64 // logarithm of its probability; the split with the highest sum wins
}

// Vocabulary finds pieces in text. It is immutable and safe for concurrent use.
type Vocabulary struct {
	pieces []Piece
	length []int32 // of each piece in characters
	next   map[edge]int32
	ends   []int32 // by node: the id of the piece that ends there, or 0
}

// edge is an edge of the trie of all pieces.
type edge struct {
	node int32
	char rune
}

// New returns a vocabulary of the pieces, in the order of their ids. The error is
// Invalid when there are only reserved pieces, or a piece has no text.
func New(list []Piece) (*Vocabulary, error) {
	if len(list) <= reserved {
		return nil, fault.Invalidf("a vocabulary needs more than %d pieces", reserved)
	}
	v := &Vocabulary{
		pieces: list, length: make([]int32, len(list)),
		next: make(map[edge]int32, 2*len(list)), ends: make([]int32, 1, 2*len(list)),
	}
	v.length[Unknown] = 1 // one character at a time
	for id := reserved; id < len(list); id++ {
		if list[id].Text == "" {
			return nil, fault.Invalidf("piece %d of the vocabulary is empty", id)
		}
		v.length[id] = int32(utf8.RuneCountInString(list[id].Text)) //nolint:gosec // a few characters
		v.insert(list[id].Text, int32(id))                          //nolint:gosec // a place in memory
	}
	return v, nil
}

// Size returns the number of ids.
func (v *Vocabulary) Size() int { return len(v.pieces) }

// BeginsWord reports whether a piece begins a word.
func (v *Vocabulary) BeginsWord(id int32) bool {
	return strings.HasPrefix(v.pieces[id].Text, string(mark))
}

// Score returns the logarithm of a piece's probability.
func (v *Vocabulary) Score(id int32) float64 { return v.pieces[id].Score }

func (v *Vocabulary) insert(text string, id int32) {
	var node int32
	for _, char := range text {
		e := edge{node, char}
		to, ok := v.next[e]
		if !ok {
			to = int32(len(v.ends)) //nolint:gosec // below the vocabulary's characters
			v.next[e] = to
			v.ends = append(v.ends, 0)
		}
		node = to
	}
	v.ends[node] = id
}

// Len returns the number of pieces.
func (v *Vocabulary) Len() int { return len(v.pieces) }

// All returns the pieces in the order of their ids. The caller must not change them.
func (v *Vocabulary) All() []Piece { return v.pieces }
