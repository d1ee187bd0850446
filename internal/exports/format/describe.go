package format

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

var kindNames = map[Kind]string{
	Binary: "no text", JSON: "JSON", Lines: "JSON lines", CSV: "a table (CSV)", HTML: "HTML", SQLite: "an SQLite database", Text: "plain text",
}

// String returns the kind as people read it.
func (k Kind) String() string { return kindNames[k] }

// plainName matches names of fields that cannot be a user's text.
var plainName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]{0,39}$`)

const describedNames = 12

// Describe says what was found in a file, for the error about an unknown file: its kind and
// the names of the fields at the top of its JSON. It contains no values.
func (s *Sample) Describe() string {
	if len(s.Head) == 0 {
		return "an empty file"
	}
	if s.Kind != JSON && s.Kind != Lines {
		return s.Kind.String()
	}
	text, prefix := s.Kind.String()+", an object", ""
	switch {
	case s.Empty():
		return s.Kind.String() + ", an empty list"
	case s.Kind == Lines:
		text, prefix = "JSON lines", "[]."
	case s.paths["[]"]:
		text, prefix = "JSON, an array", "[]."
	}
	names := map[string]bool{}
	for path := range s.paths {
		name, ok := strings.CutPrefix(path, prefix)
		if ok && plainName.MatchString(name) {
			names[name] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	switch {
	case len(sorted) == 0:
		return text
	case len(sorted) > describedNames:
		return text + " with the fields " + strings.Join(sorted[:describedNames], ", ") + " and others"
	}
	return text + " with the fields " + strings.Join(sorted, ", ")
}

// Empty reports whether the file is an empty array or object, or an object whose only
// content is an empty array of conversations.
func (s *Sample) Empty() bool {
	if s.Kind != JSON || len(s.Head) == SampleBytes {
		return false
	}
	if len(s.paths) == 0 {
		return true
	}
	return s.paths["conversations"] && len(s.paths) == 1
}
