package store

import (
	"encoding/binary"

	"github.com/lethe-chat/lethe/internal/chat"
)

// A passage is stored as the stretches of messages that it quotes. This file is how
// they are written: a byte of flags, and then three numbers for each stretch.
//
//   - how many positions its message lies behind that of the stretch before (the first
//     one: behind the first message that the passage spans), doubled, plus 1 when it is
//     a repeated question
//   - how many bytes of the message's text come before it
//   - how many bytes it has
//
// The first is a signed number, the others are unsigned, all of them of variable
// length. Positions are relative, so that the parts stay as they are when all of a
// passage's messages move together.
const (
	partsKnown  = 1 << 0 // always set: parts of no bytes are not known
	partsTitled = 1 << 1 // the passage begins with the title
)

// EncodeParts writes the parts of a passage whose first message is first, as the column
// chunks.parts has them: no bytes when it has none. They are never null.
func EncodeParts(first int, p chat.Passage) []byte {
	if len(p.Parts) == 0 {
		return []byte{}
	}
	flags := byte(partsKnown)
	if p.Title != "" {
		flags |= partsTitled
	}
	raw := []byte{flags}
	for before, part := first, 0; part < len(p.Parts); part++ {
		next := p.Parts[part]
		behind := int64(next.Position-before) * 2
		if next.Repeated {
			behind++
		}
		before = next.Position
		raw = binary.AppendVarint(raw, behind)
		raw = binary.AppendUvarint(raw, uint64(next.Start))          //nolint:gosec // no text is that long
		raw = binary.AppendUvarint(raw, uint64(next.End-next.Start)) //nolint:gosec // and not negative
	}
	return raw
}

// decodeParts decodes the output of EncodeParts. The fields that come from the messages are left empty. It returns no
// parts when they are not known or cannot be decoded.
func decodeParts(first int, raw []byte) (parts []chat.Excerpt, titled bool) {
	if len(raw) == 0 || raw[0]&partsKnown == 0 {
		return nil, false
	}
	titled = raw[0]&partsTitled != 0
	for before, rest := first, raw[1:]; len(rest) > 0; {
		behind, n := binary.Varint(rest)
		if n <= 0 {
			return nil, false
		}
		start, m := binary.Uvarint(rest[n:])
		if m <= 0 {
			return nil, false
		}
		length, k := binary.Uvarint(rest[n+m:])
		if k <= 0 {
			return nil, false
		}
		rest = rest[n+m+k:]
		before += int(behind >> 1)
		parts = append(parts, chat.Excerpt{
			Position: before, Repeated: behind&1 == 1,
			Start: int(start), End: int(start + length), //nolint:gosec // they were written from ints
		})
	}
	return parts, titled
}
