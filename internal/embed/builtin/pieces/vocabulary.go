package pieces

import (
	"strings"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Unknown is the id of everything that no piece covers.
const Unknown = 0

// reserved is how many ids at the start stand for no text.
const reserved = 6

// mark begins each word, in place of the white space before it.
const mark = '\u2581'

// Piece is an entry of a vocabulary; its id is its place.
type Piece struct {
	Text  string
	Score float64 // the logarithm of its probability; the cut with the highest sum is taken
}

// Vocabulary finds pieces in text. It never changes and is safe for concurrent
// use.
type Vocabulary struct {
	pieces []Piece
	length []int32 // of each piece in characters
	next   map[edge]int32
	ends   []int32 // by node: the id of the piece that ends there, or 0
}

// edge leads from a node of the tree of all pieces' beginnings to the next.
type edge struct {
	node int32
	char rune
}

// New makes a vocabulary of pieces in the order of their ids. Invalid when it
// has no piece beyond the reserved ones, or one without text.
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

// Size is how many ids there are.
func (v *Vocabulary) Size() int { return len(v.pieces) }

// BeginsWord reports whether a piece stands at the beginning of a word.
func (v *Vocabulary) BeginsWord(id int32) bool {
	return strings.HasPrefix(v.pieces[id].Text, string(mark))
}

// Score is the logarithm of a piece's probability.
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

// Len is the number of pieces.
func (v *Vocabulary) Len() int { return len(v.pieces) }

// All returns the pieces in the order of their ids; they must not be changed.
func (v *Vocabulary) All() []Piece { return v.pieces }
