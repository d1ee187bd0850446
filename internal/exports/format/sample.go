package format

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind is what the bytes of a file are.
type Kind int

// The kinds of files. Lines is JSON with one value per line.
const (
	Binary Kind = iota
	JSON
	Lines
	CSV
	HTML
	SQLite
	Text
)

// Limits of what detection reads and remembers.
const (
	SampleBytes    = 4 << 20
	sampleDepth    = 8
	samplePaths    = 1_000 // after this many, only the top level is read
	sampleTop      = 2     // levels
	sampleText     = 80    // bytes of a string that is remembered as a value
	sampleElements = 200   // values of the file, or elements of the array that it is
	sampleInner    = 20    // elements of an array inside of it
	sampleFields   = 40    // fields of an object; more of them are ids
)

// Sample is the beginning of a file, from which its format is recognised.
type Sample struct {
	Path string // of the member
	Kind Kind
	Head []byte // the first bytes as UTF-8 without a byte order mark, at most SampleBytes

	paths  map[string]bool
	values map[string]bool
}

// NewSample returns a sample of the beginning of a file. head is UTF-8 without a byte order mark.
func NewSample(path string, head []byte) *Sample {
	s := &Sample{Path: path, Head: head, paths: map[string]bool{}, values: map[string]bool{}}
	s.Kind = kindOf(head)
	if s.Kind == JSON {
		s.scan()
	}
	return s
}

// Has reports whether the JSON of the file has a value at a path. Elements of arrays, and
// the values of a file of lines, are written `[]`, and `*` stands for any one name:
// `[].mapping.*.message.fragments.[].type`.
func (s *Sample) Has(path string) bool { return find(s.paths, path) }

// Is reports whether the JSON of the file has this short string at a path.
func (s *Sample) Is(path, value string) bool { return find(s.values, path+"="+value) }

// Values returns the short strings that the JSON of the file has at a path without `*`.
func (s *Sample) Values(path string) (values []string) {
	for have := range s.values {
		if value, ok := strings.CutPrefix(have, path+"="); ok {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return values
}

func find(in map[string]bool, path string) bool {
	if !strings.Contains(path, "*") {
		return in[path]
	}
	want := strings.Split(path, ".")
	for have := range in {
		if matches(want, strings.Split(have, ".")) {
			return true
		}
	}
	return false
}

func matches(want, have []string) bool {
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != "*" && want[i] != have[i] {
			return false
		}
	}
	return true
}

func kindOf(head []byte) Kind {
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("SQLite format 3\x00")):
		return SQLite
	case bytes.IndexByte(head, 0) >= 0:
		return Binary
	case len(trimmed) == 0:
		return Text
	case trimmed[0] == '{' || trimmed[0] == '[':
		return JSON // scan changes it to Lines if there is one object per line
	case trimmed[0] == '<':
		return HTML
	}
	first, _, _ := bytes.Cut(trimmed, []byte("\n"))
	if bytes.ContainsAny(first, ",;\t") {
		return CSV
	}
	return Text
}

// scan remembers the paths of the JSON values in the head. It stops at the first error,
// which is usually the end of the head in the middle of a value. In a file of lines, a line
// that is no JSON loses nothing but itself.
func (s *Sample) scan() {
	if lines := s.lines(); lines != nil {
		s.Kind = Lines
		for _, line := range lines {
			_ = s.value(newDecoder(line), "[]", 0)
		}
		return
	}
	d := newDecoder(s.Head)
	for values := 0; values < sampleElements; values++ {
		if d.PeekKind() == 0 || s.value(d, "", 0) != nil { // the end, or no JSON
			return
		}
	}
}

func newDecoder(head []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewReader(head), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// lines returns the first lines of a file with one JSON object a line; nil when the file is
// something else, such as one JSON document over several lines. One of the first two lines
// must be whole.
func (s *Sample) lines() (lines [][]byte) {
	for line := range bytes.Lines(s.Head) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, line)
		}
		if len(lines) == sampleElements {
			break
		}
	}
	if len(lines) < 2 {
		return nil
	}
	for _, line := range lines[:2] {
		if line[0] == '{' && jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
			return lines
		}
	}
	return nil
}

func join(prefix, name string) string {
	if prefix == "" || name == "" {
		return prefix + name
	}
	return prefix + "." + name
}

// value reads one value and remembers its structure.
func (s *Sample) value(d *jsontext.Decoder, path string, depth int) error {
	if depth > sampleDepth || len(s.paths) > samplePaths && depth > sampleTop {
		return d.SkipValue()
	}
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '{':
		for n := 0; d.PeekKind() != '}'; n++ {
			name, err := d.ReadToken()
			if err != nil {
				return err
			}
			if n >= sampleFields {
				if err := d.SkipValue(); err != nil {
					return err
				}
				continue
			}
			at := join(path, name.String())
			s.paths[at] = true
			if err := s.value(d, at, depth+1); err != nil {
				return err
			}
		}
		_, err = d.ReadToken()
	case '[':
		at, most := join(path, "[]"), sampleInner
		if depth == 0 {
			most = sampleElements
		}
		for n := 0; d.PeekKind() != ']'; n++ {
			if n >= most {
				if err := d.SkipValue(); err != nil {
					return err
				}
				continue
			}
			s.paths[at] = true
			if err := s.value(d, at, depth+1); err != nil {
				return err
			}
		}
		_, err = d.ReadToken()
	case '"':
		if text := token.String(); len(text) <= sampleText {
			s.values[path+"="+text] = true
		}
	}
	return err
}
