package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MergeAbridged compares texts without holding all the texts of a long conversation.
// An abridged text represents a long one: its beginning, a hash of the whole text, and
// its end. It contains NUL characters, which no stored text contains, so it cannot be
// mistaken for a stored text.
const (
	abridgedFrom = 192 // bytes of the shortest text that is abridged, in NFC
	abridgedHead = 96
	abridgedTail = 32
	abridgedHash = 16
)

// Abridge returns the form of a text that MergeAbridged compares: a short text itself,
// or an abridgement of a long one. Texts that differ only in the encoding of accents
// have the same form.
func Abridge(text string) string {
	var a Abridger
	a.Write(text)
	return a.Abridged()
}

// IsAbridged reports whether a text was abridged. Such a text must not be stored.
func IsAbridged(text string) bool { return strings.IndexByte(text, 0) >= 0 }

// Abridger abridges a text that is written in pieces. The zero value is ready for use.
type Abridger struct {
	normal io.WriteCloser // normalizes to NFC and writes into sum
	sum    abridgement
}

// Write adds the next piece of the text. A piece must not end inside a character.
func (a *Abridger) Write(piece string) {
	if a.normal == nil {
		a.sum.hash = sha256.New()
		a.normal = norm.NFC.Writer(&a.sum)
	}
	_, _ = io.WriteString(a.normal, piece) // sum never returns an error
}

// Abridged returns the abridged form of the text. Do not call Write after it.
func (a *Abridger) Abridged() string {
	if a.normal == nil {
		return ""
	}
	_ = a.normal.Close() // sum never returns an error
	s := &a.sum
	if s.length < abridgedFrom {
		return string(s.start)
	}
	head := s.start[:abridgedHead]
	for !utf8.Valid(head) {
		head = head[:len(head)-1]
	}
	return string(head) + "\x00" + hex.EncodeToString(s.hash.Sum(nil)[:abridgedHash]) + "\x00" + string(s.end)
}

// abridgement keeps the parts of a text that its abridged form consists of.
type abridgement struct {
	hash   hash.Hash
	length int
	start  []byte // the first abridgedFrom bytes
	end    []byte // the last abridgedTail bytes
}

// Write adds to the text.
func (s *abridgement) Write(p []byte) (int, error) {
	s.length += len(p)
	s.start = append(s.start, p[:min(len(p), abridgedFrom-len(s.start))]...)
	s.end = append(s.end, p[max(0, len(p)-abridgedTail):]...)
	s.end = slices.Clone(s.end[max(0, len(s.end)-abridgedTail):])
	return s.hash.Write(p)
}

// MergeAbridged is Merge for a stored conversation whose texts are abridged. The
// result has the whole texts of new and edited messages. Messages that stay or only
// move may have abridged texts, which must not be stored.
func MergeAbridged(stored Transcript, u ValidUpload) Merged {
	whole := make(map[string]string)
	u.messages = slices.Clone(u.messages)
	for i := range u.messages {
		m := &u.messages[i]
		if short := Abridge(m.Text); IsAbridged(short) {
			whole[short], m.Text = m.Text, short
		}
	}
	merged := Merge(stored, u)
	for _, messages := range [][]Message{merged.Messages, merged.Edited} {
		for i := range messages {
			if text, ok := whole[messages[i].Text]; ok {
				messages[i].Text = text
			}
		}
	}
	if IsAbridged(merged.Title) { // the title was derived from an abridged text
		merged.Title = titleOf(merged.Messages)
	}
	if IsAbridged(merged.Title) {
		merged.Title = stored.Title
	}
	return merged
}
