package exportstest

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// elementEnds returns the offsets behind the elements of a file that is one JSON array. It
// returns none for other files, and for an array that is damaged on purpose.
func elementEnds(data []byte) (ends []int) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	for d.PeekKind() != ']' {
		if _, err := d.ReadValue(); err != nil {
			return nil
		}
		ends = append(ends, int(d.InputOffset()))
	}
	return ends
}
