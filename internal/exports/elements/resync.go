package elements

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

const (
	signatureBytes = 4 << 10 // at the beginning of an element, in which its signature is
	maxSignatures  = 16
	backBytes      = 256 // of spaces between a comma and the next element
)

// resync is what the reader knows in order to find the next element after a damaged one.
type resync struct {
	lost    bool     // the next element has to be found
	known   []string // signatures of good elements
	guessed bool     // the last element was found without a known signature
	again   int64    // bytes that were scanned twice
}

// accepted tells the reader that the last element that next returned is valid.
func (r *reader) accepted(raw []byte) {
	if r.guessed || len(r.known) == maxSignatures {
		return
	}
	if s := signatureOf(raw); s != "" && !slices.Contains(r.known, s) {
		r.known = append(r.known, s)
	}
}

// rejected tells the reader that the last element that next returned could not be used. If it is not an object but
// others were, it is the rest of an element that ended too early because of a damaged brace.
func (r *reader) rejected() { r.lost = r.restOfLast() }

// restOfLast reports whether the element at start is rather the rest of the last one.
func (r *reader) restOfLast() bool { return len(r.known) > 0 && r.buf[r.start] != '{' }

// findNext moves pos to the beginning of the next element after damage, or returns io.EOF. It begins its search at
// the beginning of the damaged element, because an element without a quote or brace reaches into the next one. After
// more bytes were scanned twice than the file has had so far, it searches only after the damage, so that the total
// work stays proportional to the size of the file.
func (r *reader) findNext() error {
	r.lost = false
	if own := signatureOf(r.buf[r.start:]); len(r.known) == 0 && own != "" {
		r.known = append(r.known, own)
	}
	damage := r.offset()
	if r.again <= damage {
		r.pos = min(r.start+1, len(r.buf))
	}
	if err := r.findElement(); err != nil {
		return err
	}
	r.again += max(0, damage-r.offset())
	r.start = r.pos
	r.inside, r.guessed = true, len(r.known) == 0
	return nil
}

// swallowed reports whether the current element contains something that begins like an element. Then it is damaged
// and has continued into the next one.
func (r *reader) swallowed() bool {
	if len(r.known) == 0 {
		return false
	}
	at, end := r.pos, r.pos
	defer func() { r.pos = at }()
	for r.pos = r.start + 1; r.pos < end; r.pos++ {
		next := bytes.IndexByte(r.buf[r.pos:end], '{')
		if next < 0 {
			return false
		}
		if r.pos += next; r.follows() && r.fits() {
			return true
		}
	}
	return false
}

// offset returns the place of pos in the file.
func (r *reader) offset() int64 { return r.dropped + int64(r.pos) }

// findElement moves pos to the next object that begins like an element.
func (r *reader) findElement() error {
	for {
		at := bytes.IndexByte(r.buf[r.pos:], '{')
		if at < 0 {
			r.pos = len(r.buf)
			r.start = max(r.start, r.pos-backBytes)
			if err := r.fill(); err != nil {
				return err
			}
			continue
		}
		r.pos += at
		r.start = max(r.start, r.pos-backBytes)
		for len(r.buf)-r.pos < signatureBytes {
			if err := r.fill(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return err
			}
		}
		if r.follows() && r.fits() {
			return nil
		}
		r.pos++
	}
}

// follows reports whether the bytes before pos may come before an element.
func (r *reader) follows() bool {
	before := bytes.TrimRight(r.buf[max(0, r.pos-backBytes):r.pos], " \t\r\n")
	return len(before) > 0 && bytes.IndexByte([]byte(",[]}"), before[len(before)-1]) >= 0
}

// fits reports whether the object at pos begins like a good element.
func (r *reader) fits() bool {
	return len(r.known) == 0 || slices.Contains(r.known, signatureOf(r.buf[r.pos:]))
}

// signatureOf returns how an object begins: the names of its first two fields, or only the first if its value is not
// a short text or number. Objects inside of an element begin differently. It returns "" for anything that does not
// begin like an object with a field.
func signatureOf(b []byte) string {
	b = b[:min(len(b), signatureBytes)]
	if len(b) == 0 || b[0] != '{' {
		return ""
	}
	first, b := name(b[1:])
	if first == "" {
		return ""
	}
	b = afterScalar(b)
	if len(b) == 0 || b[0] != ',' {
		return first
	}
	second, _ := name(b[1:])
	return first + "," + second
}

// name returns the name of a field at the beginning of b, and what follows its colon.
func name(b []byte) (string, []byte) {
	text, rest := cutText(skipSpace(b))
	rest = skipSpace(rest)
	if text == "" || len(rest) == 0 || rest[0] != ':' {
		return "", nil
	}
	return text, skipSpace(rest[1:])
}

// afterScalar returns what follows a string, a number or a literal.
func afterScalar(b []byte) []byte {
	if text, rest := cutText(b); text != "" {
		return skipSpace(rest)
	}
	n := 0
	for n < len(b) && literal(b[n]) {
		n++
	}
	if n == 0 {
		return nil
	}
	return skipSpace(b[n:])
}

// cutText returns the string at the beginning of b with its quotes, and what follows it.
func cutText(b []byte) (string, []byte) {
	if len(b) == 0 || b[0] != '"' {
		return "", nil
	}
	var s scanner
	end := s.string(b[1:])
	if end < 0 {
		return "", nil
	}
	return string(b[:end+1]), b[end+1:]
}

func skipSpace(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }
