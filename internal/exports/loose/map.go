package loose

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Map is an object whose names are data, such as the ids of messages. Values that are not a T are left out. Anything
// but an object is empty.
type Map[T any] map[string]T

// UnmarshalJSONFrom decodes any value.
func (m *Map[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = nil
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	*m = make(Map[T])
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		var one T
		if json.Unmarshal(value, &one, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil {
			(*m)[key] = one
		}
	}
	_, err := d.ReadToken()
	return err
}
