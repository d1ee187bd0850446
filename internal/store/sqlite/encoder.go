package sqlite

import (
	"slices"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/signs"
)

// encoder puts the codes of stored vectors in place, conversation by conversation, so
// that those of one that is deleted meanwhile are nowhere but where they are looked
// for, or will be refused.
type encoder struct {
	codes   *codes
	space   *codedSpace
	version int64           // of the snapshot that the vectors are read in
	met     map[string]bool // conversations

	id      string
	block   block
	numbers []float32
}

func newEncoder(c *codes, space *codedSpace, version int64) *encoder {
	return &encoder{codes: c, space: space, version: version, met: map[string]bool{}}
}

// all encodes the vectors, and shows each of them.
func (e *encoder) all(vectors *gorm.DB, show func(storedVector)) error {
	err := eachVector(vectors.Order("embeddings.conversation_id, embeddings.position"), func(v storedVector) {
		if string(v.conversation) != e.id {
			e.flush()
			e.id = string(v.conversation)
			e.met[e.id] = true
		}
		e.numbers = appendVector(e.numbers[:0], v.raw)
		e.block.positions = append(e.block.positions, int32(v.position)) //nolint:gosec // a conversation never has that many
		e.block.codes = signs.Append(e.block.codes, e.numbers)
		show(v)
	})
	if err == nil {
		e.flush()
	}
	e.wipe()
	return err
}

// flush puts a copy of the block in place, of just its size.
func (e *encoder) flush() {
	if e.id != "" {
		e.codes.put(e.space, e.id, block{positions: slices.Clone(e.block.positions), codes: slices.Clone(e.block.codes)}, e.version)
	}
	e.wipe()
}

func (e *encoder) wipe() {
	clear(e.block.codes[:cap(e.block.codes)])
	clear(e.numbers[:cap(e.numbers)])
	e.block.positions, e.block.codes = e.block.positions[:0], e.block.codes[:0]
}
