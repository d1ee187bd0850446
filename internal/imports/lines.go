package imports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// ownFormat is the name of Lethe's own format.
const ownFormat = "lethe"

// ownKeys are the keys that may come first in a line of Lethe's own format.
var ownKeys = []string{"conversationId", "revision", "platform", "platformDisplayName", "conversation"}

// ownLines reports whether a file has Lethe's own format, which is stored while it arrives. It peeks at no more of
// the beginning than it needs, and consumes nothing.
func (i *Importer) ownLines(file *bufio.Reader, f File) bool {
	if f.Format != "" {
		return f.Format == ownFormat
	}
	for want := 1; ; want = file.Buffered() + 1 {
		_, err := file.Peek(min(want, headBytes)) // the next read returns the error
		head, _ := file.Peek(file.Buffered())
		switch own, sure := beginsOwnLine(head); {
		case own:
			return true
		case sure && !f.IsLines:
			return false
		case err != nil || len(head) >= headBytes:
			return f.IsLines && !i.known(f, head)
		}
	}
}

// known reports whether a file has another known format.
func (i *Importer) known(f File, head []byte) bool {
	_, known := exports.Detect(format.NewSample(f.Name, head), append(slices.Clone(i.o.Formats), exports.Formats()...))
	return known
}

// beginsOwnLine reports whether head begins with a line of Lethe's own format, and whether head is long enough to be
// sure.
func beginsOwnLine(head []byte) (own, sure bool) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))))
	open, err := d.Token()
	if err != nil || open != json.Delim('{') {
		return false, !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
	}
	key, err := d.Token()
	if err != nil {
		return false, !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
	}
	name, ok := key.(string)
	return ok && slices.Contains(ownKeys, name), true
}
