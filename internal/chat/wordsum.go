package chat

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"unicode"
	"unicode/utf8"
)

// wordSum is a checksum of the words of a text: equal for texts that differ only in white
// space. Clients trim texts, wrap lines and change line endings.
type wordSum [16]byte

// wordHash computes a wordSum of a text that is written in pieces.
type wordHash struct {
	hash  hash.Hash
	begun bool   // a word was written
	gap   bool   // white space follows the last word
	rest  []byte // the beginning of a character that the last piece did not end
	blank [1]byte
	whole [sha256.Size]byte // the last checksum, before it is shortened
}

func newWordHash() *wordHash { return &wordHash{hash: sha256.New(), blank: [1]byte{' '}} }

// of returns the checksum of a whole text in NFC, which may be abridged.
func (w *wordHash) of(text string) (sum wordSum) {
	if IsAbridged(text) {
		return wordsOfAbridged(text)
	}
	w.hash.Reset()
	w.begun, w.gap, w.rest = false, false, nil
	_, _ = io.WriteString(w, text) // it returns no error
	return w.sum()
}

// Write adds the next piece of the text. It returns no error.
func (w *wordHash) Write(p []byte) (int, error) {
	n := len(p)
	if len(w.rest) > 0 {
		p, w.rest = append(w.rest, p...), nil
	}
	start := 0 // of the part that is not written yet
	for i := 0; i < len(p); {
		if !utf8.FullRune(p[i:]) {
			w.rest = bytes.Clone(p[i:])
			p = p[:i]
			break
		}
		r, size := utf8.DecodeRune(p[i:])
		switch {
		case unicode.IsSpace(r):
			_, _ = w.hash.Write(p[start:i]) // a hash returns no error
			w.gap, start = true, i+size
		case w.gap && w.begun:
			_, _ = w.hash.Write(w.blank[:])
			fallthrough
		default:
			w.begun, w.gap = true, false
		}
		i += size
	}
	_, _ = w.hash.Write(p[start:])
	return n, nil
}

func (w *wordHash) sum() (sum wordSum) {
	return wordSum(w.hash.Sum(w.whole[:0])[:len(sum)])
}

// String returns the checksum in letters, digits, "+" and "/".
func (s wordSum) String() string { return base64.RawStdEncoding.EncodeToString(s[:]) }
