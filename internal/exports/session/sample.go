package session

import (
	"bytes"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Lines has the values of a sample of JSON lines. It also accepts a file with a single line, which looks like any
// other JSON document.
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
