package session

import (
	"bytes"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Lines looks at the values of a file of JSON lines. It also sees a file with one line,
// which is a JSON document like any other.
type Lines struct {
	s      *format.Sample
	prefix string
}

// LinesOf returns a view of the sample; false when the file does not consist of JSON objects.
func LinesOf(s *format.Sample) (Lines, bool) {
	switch {
	case s.Kind == format.Lines:
		return Lines{s, "[]."}, true
	case s.Kind == format.JSON && bytes.HasPrefix(bytes.TrimLeft(s.Head, " \t\r\n"), []byte("{")):
		return Lines{s, ""}, true
	}
	return Lines{}, false
}

// Has reports whether a line has a value at a path, such as "message.content".
func (l Lines) Has(path string) bool { return l.s.Has(l.prefix + path) }

// Is reports whether a line has this short string at a path.
func (l Lines) Is(path, value string) bool { return l.s.Is(l.prefix+path, value) }
