package loose

import "github.com/go-json-experiment/json/jsontext"

// Object reads an object field by field, and calls field with each name, which has to decode
// or skip the value. The name is valid until then. Anything but an object is skipped, and is
// reported as false.
//
// It is for types of which an export has very many: a switch over the names takes half the
// time of a struct with tags.
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
					name = nil // no name that anybody looks for
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
