// Package jsonstream writes JSON documents whose long parts are written piece by piece: a
// list with one item after the other, or a string of many megabytes. The rest of the
// document is encoded as usual, from the same types. The package is independent of the kind
// of document.
package jsonstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Array encodes a document and returns what comes before and after the items of the array
// with the given name. The array must be empty, not nil, and the only one with that name.
// The caller writes the items, separated by commas.
func Array(document any, name string) (before, after []byte, err error) {
	return split(document, name, "[]")
}

// Text encodes a document and returns what comes before and after the characters of the
// string with the given name. The string must be empty and the only one with that name. The
// caller writes the characters with WriteText.
func Text(document any, name string) (before, after []byte, err error) {
	return split(document, name, `""`)
}

// split cuts an encoded document inside the empty value of a field. Quotation marks in
// strings are escaped, so a text cannot look like the field.
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

// WriteText writes characters of a string, without the surrounding quotation marks. It
// escapes only what JSON requires, so that no other encoding of the text is shorter. The
// text must be valid UTF-8 and must not end inside a character.
func WriteText(w io.Writer, text string) error {
	plain := 0 // where the bytes begin that are written as they are
	for i := range len(text) {
		escaped := escape(text[i])
		if escaped == "" {
			continue
		}
		if _, err := io.WriteString(w, text[plain:i]); err != nil {
			return err
		}
		if _, err := io.WriteString(w, escaped); err != nil {
			return err
		}
		plain = i + 1
	}
	_, err := io.WriteString(w, text[plain:])
	return err
}

// escape returns how a byte is written in a string; empty when it is written as it is.
func escape(b byte) string {
	switch b {
	case '"':
		return `\"`
	case '\\':
		return `\\`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	case '\b':
		return `\b`
	case '\f':
		return `\f`
	}
	if b < ' ' {
		return fmt.Sprintf(`\u%04x`, b)
	}
	return ""
}
