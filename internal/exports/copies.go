package exports

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"time"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// copies knows which conversations of a source were handed over, because the same one often
// is in several files: in a shard and in a file that the shards were joined into, or in an
// older export beside a newer one. It remembers 32 bytes of a conversation.
type copies struct {
	ids, contents maphash.Seed
	seen          map[[16]byte]copied
}

type copied struct {
	updated int64 // microseconds since 1970; 0 when unknown
	content uint64
}

func newCopies() *copies {
	return &copies{ids: maphash.MakeSeed(), contents: maphash.MakeSeed(), seen: map[[16]byte]copied{}}
}

// wanted reports whether a conversation is to be handed over: not if a newer copy was, or the
// same one. Of different copies with the same time the later in the source is wanted too, and
// so replaces the earlier.
func (c *copies) wanted(conversation format.Conversation) bool {
	id := conversation.ExternalID
	if conversation.From != nil { // the parts of a long conversation are no copies of each other
		id += "\x00" + strconv.Itoa(*conversation.From)
	}
	key := c.key(conversation.Platform, id)
	now := copied{micros(conversation.UpdatedAt), c.content(conversation)}
	before, again := c.seen[key]
	if again && (now.updated < before.updated || now == before) {
		return false
	}
	c.seen[key] = now
	return true
}

// key returns 128 bits of the id, so that two ids never meet by accident.
func (c *copies) key(platform, id string) (key [16]byte) {
	binary.LittleEndian.PutUint64(key[:], maphash.String(c.ids, platform+"\x00"+id))
	binary.LittleEndian.PutUint64(key[8:], maphash.String(c.contents, platform+"\x00"+id))
	return key
}

func (c *copies) content(conversation format.Conversation) uint64 {
	var h maphash.Hash
	h.SetSeed(c.contents)
	write := func(texts ...string) {
		for _, s := range texts {
			_, _ = h.WriteString(s) // never fails
			_ = h.WriteByte(0)
		}
	}
	write(conversation.Title, conversation.Source.Project, conversation.Source.Link)
	for i := range conversation.Messages {
		m := &conversation.Messages[i]
		write(m.ExternalID, m.Role, m.Branch, m.Text)
		write(m.Files...)
		var at [9]byte
		binary.LittleEndian.PutUint64(at[:], uint64(micros(m.CreatedAt)))
		if m.Hidden {
			at[8] = 1
		}
		_, _ = h.Write(at[:])
	}
	return h.Sum64()
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
