package mcp

import (
	"fmt"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// schemaOf returns the schema of a struct, in the dialect that every client understands: each
// value has one type. A list or an optional value is left out instead of being null.
func schemaOf[T any](limits map[string]limit) (*jsonschema.Schema, error) {
	s, err := jsonschema.For[T](nil)
	if err != nil {
		return nil, err
	}
	withoutNull(s)
	for name, l := range limits {
		p, ok := s.Properties[name]
		if !ok {
			return nil, fmt.Errorf("there is no argument %q to limit", name)
		}
		l.apply(p)
	}
	return s, nil
}

// limit is what a schema says of a value beside its type.
type limit struct {
	least, most *float64 // of a number
	items       int      // the most items of a list
	length      int      // the most characters of a text
	oneOf       []any
}

func (l limit) apply(s *jsonschema.Schema) {
	s.Minimum, s.Maximum, s.Enum = l.least, l.most, l.oneOf
	if l.items > 0 {
		s.MinItems, s.MaxItems = new(1), new(l.items)
	}
	if l.length > 0 {
		s.MinLength, s.MaxLength = new(1), new(l.length)
	}
}

// between limits a number.
func between(least, most float64) limit { return limit{least: &least, most: &most} }

func withoutNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if types := slices.DeleteFunc(slices.Clone(s.Types), func(t string) bool { return t == "null" }); len(types) == 1 {
		s.Type, s.Types = types[0], nil
	}
	for _, p := range s.Properties {
		withoutNull(p)
	}
	withoutNull(s.Items)
}
