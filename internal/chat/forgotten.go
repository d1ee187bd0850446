package chat

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Forgotten recognizes the messages of one conversation that were deleted one by one, so
// that an upload of the conversation does not store them again. Its functions compare
// keyed hashes; nobody can read from them what a message said. The zero value recognizes
// nothing.
type Forgotten struct {
	ID    func(externalID string) bool           // the caller's own id of a message
	Words func(sender Sender, words string) bool // what WordsOf returns for its text
	Title func(title string) bool                // what TitleKey returns for a title that quoted one
	At    []int                                  // their positions in the source, in order
}

// Any reports whether any message was deleted.
func (f Forgotten) Any() bool { return len(f.At) > 0 }

// before returns how many forgotten messages were before a position of the source.
func (f Forgotten) before(position int) int {
	n, _ := slices.BinarySearch(f.At, position)
	return n
}

func (f Forgotten) was(position int) bool {
	_, found := slices.BinarySearch(f.At, position)
	return found
}

// WordsOf returns a checksum of a text that is equal for texts that differ only in white
// space or in the encoding of accents.
func WordsOf(text string) string { return newWordHash().of(norm.NFC.String(text)).String() }

// Words computes what WordsOf returns for a text that is written in pieces. The zero value
// is ready for use.
type Words struct {
	normal io.WriteCloser // normalizes to NFC and writes into words
	words  *wordHash
}

// Write adds the next piece of the text. A piece must not end inside a character.
func (w *Words) Write(piece string) {
	if w.normal == nil {
		w.words = newWordHash()
		w.normal = norm.NFC.Writer(w.words)
	}
	_, _ = io.WriteString(w.normal, piece) // a hash returns no error
}

// Sum returns the checksum. Do not call Write after it.
func (w *Words) Sum() string {
	if w.normal == nil {
		return WordsOf("")
	}
	_ = w.normal.Close() // a hash returns no error
	return w.words.sum().String()
}

// TitleKey returns a form of a title that is equal for titles that differ only in case,
// white space, the encoding of accents or the dots of an abridgement.
func TitleKey(title string) string {
	return strings.TrimRight(Fold(oneLine(title)), ".…")
}

// leastQuoted is how many characters a title and a text must have in common for the title
// to quote the text. Fewer occur in many texts.
const leastQuoted = 4

// Quotes reports whether a title reveals what a message said: it was derived from the text,
// it is a part of the text, or the text is a part of it.
func Quotes(title, text string) bool {
	if title == TitleFrom(text) {
		return true
	}
	key, said := TitleKey(title), Fold(oneLine(text))
	if key == TitleKey(untitled) {
		return false
	}
	return (utf8.RuneCountInString(key) >= leastQuoted && strings.Contains(said, key)) ||
		(utf8.RuneCountInString(said) >= leastQuoted && strings.Contains(key, said))
}

// Except returns the upload for a stored conversation of which some messages were
// forgotten. It leaves out the messages that have the id of a forgotten one, or its words
// at its position. Of the others with the words of a forgotten one, Merge uses only those
// that are still stored, because people repeat themselves. The position of a part
// becomes its position in the stored conversation. A title that quotes a forgotten message counts
// as not given.
func (u ValidUpload) Except(f Forgotten) ValidUpload {
	if !f.Any() {
		return u
	}
	kept := make([]validMessage, 0, len(u.messages))
	quoted := u.titled && f.Title(TitleKey(u.title))
	for i, m := range u.messages {
		byID := m.ExternalID != "" && f.ID(m.ExternalID)
		m.forgotten = byID || f.Words(m.Sender, WordsOf(m.Text))
		quoted = quoted || (m.forgotten && u.titled && Quotes(u.title, m.Text))
		if byID || (m.forgotten && u.placed && f.was(u.from+i)) {
			continue
		}
		kept = append(kept, m)
	}
	u.messages, u.sum = kept, UploadSum{} // after a lift, the same file is compared again
	u.from -= f.before(u.from)
	if quoted {
		u.titled = false
	}
	if !u.titled {
		u.title = titleOf(u.remembered().messages)
	}
	return u
}

// Remembered returns what Except has left of an upload for a conversation that is not stored now,
// and false if that is nothing.
func (u ValidUpload) Remembered() (ValidUpload, bool) {
	u = u.remembered()
	return u, len(u.messages) > 0
}

func (u ValidUpload) remembered() ValidUpload {
	u.messages = slices.DeleteFunc(slices.Clone(u.messages), func(m validMessage) bool { return m.forgotten })
	return u
}

// Removal is what a delete of single messages changes in a conversation. Only positions,
// senders and marks of the stored messages are needed for it.
func Removal(stored []Message, gone func(MessageID) bool) Merged {
	out := Merged{RewriteFrom: -1, MarksOnly: true, Messages: make([]Message, 0, len(stored))}
	for at, m := range stored {
		if gone(m.ID) {
			out.Outdated = append(out.Outdated, Span{at, answerTo(stored, at)})
			if out.RewriteFrom < 0 {
				out.RewriteFrom = at
			}
			continue
		}
		if by := len(out.Messages) - at; by != 0 && (len(out.Moves) == 0 || out.Moves[len(out.Moves)-1].By != by) {
			out.Moves = append(out.Moves, Move{From: at, By: by})
		}
		m.Position = len(out.Messages)
		out.Messages = append(out.Messages, m)
	}
	if out.RewriteFrom < 0 {
		out.RewriteFrom = out.Count()
	}
	return out
}
