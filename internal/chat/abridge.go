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

// A merge compares texts, and of a long conversation it would hold all of them. An
// abridged text stands for a long one there: its beginning, a hash of the whole, and
// its end. It has NUL characters, which no stored text has, so that it is never taken
// for a text.
const (
	abridgedFrom = 192 // bytes of the shortest text that is abridged, in NFC
	abridgedHead = 96
	abridgedTail = 32
	abridgedHash = 16
)

// Abridge returns what stands for a text in a merge: the text itself when it is
// short. Texts that differ only in how accents are encoded are the same.
func Abridge(text string) string {
	var a Abridger
	a.Write(text)
	return a.Abridged()
}

// IsAbridged reports whether a text only stands for another, and must not be stored.
func IsAbridged(text string) bool { return strings.IndexByte(text, 0) >= 0 }

// Abridger abridges a text that comes in pieces. The zero value is ready.
type Abridger struct {
	normal io.WriteCloser // into sum
	sum    abridgement
}

// Write adds the next piece of the text, which must not be cut within a character.
func (a *Abridger) Write(piece string) {
	if a.normal == nil {
		a.sum.hash = sha256.New()
		a.normal = norm.NFC.Writer(&a.sum)
	}
	_, _ = io.WriteString(a.normal, piece) // sum takes everything
}

// Abridged returns what stands for the text. Nothing may be written after it.
func (a *Abridger) Abridged() string {
	if a.normal == nil {
		return ""
	}
	_ = a.normal.Close() // sum takes everything
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

// abridgement is what remains of a text that was written into it.
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

// MergeAbridged is Merge for a stored conversation whose texts are abridged. New and
// edited messages have their whole texts in what it returns; those that only stay or
// move may have abridged ones, which must not be stored.
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
	if IsAbridged(merged.Title) { // it was made from the beginning of an abridged text
		merged.Title = titleOf(merged.Messages)
	}
	if IsAbridged(merged.Title) {
		merged.Title = stored.Title
	}
	return merged
}
