package loose

import "github.com/go-json-experiment/json/jsontext"

// Object reads an object field by field. It calls field with each name, and field must decode or skip the value. The
// name is valid until then. For anything but an object it returns false and skips the value.
//
// It is for types that occur very often in an export: a switch over the names takes half the time of a struct with
// tags.
func Object(d *jsontext.Decoder, field func(name []byte) error) (bool, error) {
	if d.PeekKind() != '{' {
		return false, d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return false, err
	}
	for d.PeekKind() != '}' {
		quoted, err := d.ReadValue()
		if err != nil {
			return false, err
		}
		name := quoted[1 : len(quoted)-1]
		for _, c := range name {
			if c == '\\' {
				if name, err = jsontext.AppendUnquote(nil, quoted); err != nil {
					name = nil // a name that no caller needs
				}
				break
			}
		}
		if err := field(name); err != nil {
			return false, err
		}
	}
	_, err := d.ReadToken()
	return true, err
}
