package sqlite

import (
	"slices"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
)

// encode reads vectors, passes each of them to a function, and stores the codes of the
// conversations that the writer wants. It ends the writer.
func encode(vectors *gorm.DB, writer *bitcode.Writer, show func(storedVector)) error {
	e := encoder{writer: writer}
	err := eachVector(vectors.Order("embeddings.conversation_id, embeddings.position"), func(v storedVector) {
		e.add(v)
		show(v)
	})
	defer e.wipe()
	if err != nil {
		writer.Abandon()
		return err
	}
	e.flush()
	writer.Finish()
	return nil
}

// encoder collects the codes of one conversation at a time. If the conversation is
// deleted in the meantime, its codes are only in these buffers, which are overwritten.
type encoder struct {
	writer    *bitcode.Writer
	id        chat.ConversationID // of the current conversation; empty at the beginning
	wanted    bool                // the writer needs its codes
	positions []int32
	codes     []byte
	numbers   []float32
}

func (e *encoder) add(v storedVector) {
	if string(v.conversation) != string(e.id) {
		e.flush()
		e.id = chat.ConversationID(v.conversation)
		e.wanted = e.writer.Wants(e.id)
	}
	if !e.wanted {
		return
	}
	e.numbers = appendVector(e.numbers[:0], v.raw)
	e.positions = append(e.positions, int32(v.position)) //nolint:gosec // a conversation never has that many
	e.codes = bitcode.Append(e.codes, e.numbers)
}

// flush passes a copy of the codes, of exactly their size, to the writer.
func (e *encoder) flush() {
	if e.wanted {
		e.writer.Put(e.id, slices.Clone(e.positions), slices.Clone(e.codes))
	}
	e.wipe()
}

func (e *encoder) wipe() {
	clear(e.codes[:cap(e.codes)])
	clear(e.numbers[:cap(e.numbers)])
	e.positions, e.codes = e.positions[:0], e.codes[:0]
}
