package chat

import (
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MergeAbridged compares texts without holding all the texts of a long conversation.
// An abridged text represents a long one: its beginning, a checksum of the whole text,
// one of its words, and its end. NUL characters separate these parts. No stored text
// contains a NUL, so an abridged text cannot be mistaken for a stored text.
const (
	abridgedFrom = 256 // bytes of the shortest text that is abridged, in NFC
	abridgedHead = 128
	abridgedTail = 48
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
		a.sum.hash, a.sum.words = sha256.New(), newWordHash()
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
	whole := base64.RawStdEncoding.EncodeToString(s.hash.Sum(nil)[:abridgedHash])
	return strings.Join([]string{string(head), whole, s.words.sum().String(), string(s.end)}, "\x00")
}

// wordsOfAbridged returns the checksum of words in an abridged text.
func wordsOfAbridged(text string) (sum wordSum) {
	parts := strings.Split(text, "\x00")
	_, _ = base64.RawStdEncoding.Decode(sum[:], []byte(parts[2])) // Abridged has encoded it
	return sum
}

// abridgement keeps the parts of a text that its abridged form consists of.
type abridgement struct {
	hash   hash.Hash
	words  *wordHash
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
	_, _ = s.words.Write(p) // it returns no error
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
