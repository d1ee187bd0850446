// Package jsonstream writes JSON documents whose long parts come piece by piece:
// a list whose items are written one after the other, a string of many megabytes.
// What surrounds them is encoded as usual, from the same types. It knows no
// particular document.
package jsonstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// pieceSize is how many bytes of a text are encoded at once.
const pieceSize = 16 << 10

// Array encodes a document and returns what comes before and what comes after the
// items of the array of that name, which must be empty in the document, not nil,
// and the only one of that name: the caller writes the items, with commas between
// them.
func Array(document any, name string) (before, after []byte, err error) {
	return split(document, name, "[]")
}

// Text encodes a document and returns what comes before and what comes after the
// characters of the string of that name, which must be empty in the document and
// the only one of that name: the caller writes them with WriteText.
func Text(document any, name string) (before, after []byte, err error) {
	return split(document, name, `""`)
}

// split cuts an encoded document in the middle of the empty value of a field.
// Quotation marks inside of strings are escaped, so no text can look like a field.
func split(document any, name, empty string) (before, after []byte, err error) {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return nil, nil, err
	}
	data := bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))
	field := []byte(`"` + name + `":` + empty)
	if bytes.Count(data, field) != 1 {
		return nil, nil, fmt.Errorf("the document has %d empty fields %q, not one", bytes.Count(data, field), name)
	}
	at := bytes.Index(data, field) + len(field) - 1
	return data[:at:at], data[at:], nil
}

// WriteText writes characters of a string, without quotation marks around them.
// The text must be valid UTF-8, and must not end within a character.
func WriteText(w io.Writer, text string) error {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	for len(text) > 0 {
		n := cut(text)
		encoded.Reset()
		if err := encoder.Encode(text[:n]); err != nil {
			return err
		}
		quoted := encoded.Bytes()
		if _, err := w.Write(quoted[1 : len(quoted)-2]); err != nil { // without the quotation marks and the line's end
			return err
		}
		text = text[n:]
	}
	return nil
}

// cut is how many bytes of a text are encoded next: so many that no character is
// divided.
func cut(text string) int {
	n := min(len(text), pieceSize)
	for n < len(text) && text[n]&0xC0 == 0x80 {
		n--
	}
	return n
}
