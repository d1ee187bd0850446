package exports

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"time"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// copies remembers which conversations of a source were passed on, because the same conversation is often in several
// files: in a shard and in a file that joins the shards, or in an older and a newer export. It keeps 32 bytes per
// conversation.
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

// wanted reports whether to pass a conversation on: not if a newer or the same copy was passed on before. If
// different copies have the same time, the later one in the source is passed on too, and replaces the earlier one.
func (c *copies) wanted(conversation format.Conversation) bool {
	id := conversation.ExternalID
	if conversation.From != nil { // parts of a long conversation are not copies of each other
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
