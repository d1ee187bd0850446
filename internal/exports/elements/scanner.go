package elements

import "bytes"

// maxDepth is how deep values may be nested. It is the limit of package jsontext, which
// decodes what the scanner has found.
const maxDepth = 10_000

// state is what a scanner expects next.
type state uint8

const (
	wantValue      state = iota
	wantValueOrEnd       // after `[`
	wantKey              // after `,` in an object
	wantKeyOrEnd         // after `{`
	wantColon
	wantNext // `,` or the end of the array or object
	inString
	inKey
	inLiteral // a number, true, false or null
)

// scanner finds the end of one JSON value, piece by piece. It checks the structure strictly, so that damage is
// noticed where it is and not at the end of the file. The decoder checks strings, numbers and literals.
type scanner struct {
	open  []byte // '{' or '[' of each open value
	state state
	odd   bool // the next byte of a string follows an odd number of backslashes
}

func (s *scanner) reset() { s.open, s.state, s.odd = s.open[:0], wantValue, false }

// scan consumes bytes of b until the value ends. n is the number of bytes consumed. A
// number or literal at the top ends with the byte before the next one, so done may need
// one more byte; at the end of the file the caller asks complete.
func (s *scanner) scan(b []byte) (n int, done bool, err error) {
	for n < len(b) {
		switch s.state {
		case inString, inKey:
			end := s.string(b[n:])
			if end < 0 {
				return len(b), false, nil
			}
			n += end
			if s.state == inKey {
				s.state = wantColon
				continue
			}
			if s.ended() {
				return n, true, nil
			}
			continue
		case inLiteral:
			if literal(b[n]) {
				n++
				continue
			}
			if s.ended() {
				return n, true, nil
			}
			continue
		default:
		}
		c := b[n]
		if c == ' ' || c == '\n' || c == '\r' || c == '\t' {
			n++
			continue
		}
		if err := s.step(c); err != nil {
			return n, false, err
		}
		n++
		if len(s.open) == 0 && s.state == wantNext {
			return n, true, nil
		}
	}
	return n, false, nil
}

// complete reports whether the end of the file ends the value.
func (s *scanner) complete() bool { return s.state == inLiteral && len(s.open) == 0 }

// step takes one byte that is outside of strings and literals.
func (s *scanner) step(c byte) error {
	switch {
	case c == '"' && (s.state == wantKey || s.state == wantKeyOrEnd):
		s.state = inKey
	case c == ':' && s.state == wantColon:
		s.state = wantValue
	case c == ',' && s.state == wantNext:
		s.state = wantValue
		if s.open[len(s.open)-1] == '{' {
			s.state = wantKey
		}
	case c == '}' && (s.state == wantNext || s.state == wantKeyOrEnd):
		return s.close('{')
	case c == ']' && (s.state == wantNext || s.state == wantValueOrEnd):
		return s.close('[')
	case s.state == wantValue || s.state == wantValueOrEnd:
		return s.begin(c)
	default:
		return errStructure
	}
	return nil
}

// begin takes the first byte of a value.
func (s *scanner) begin(c byte) error {
	switch {
	case c == '{' || c == '[':
		if len(s.open) == maxDepth {
			return errDepth
		}
		s.open = append(s.open, c)
		s.state = wantKeyOrEnd
		if c == '[' {
			s.state = wantValueOrEnd
		}
	case c == '"':
		s.state = inString
	case literal(c):
		s.state = inLiteral
	default:
		return errStructure
	}
	return nil
}

func (s *scanner) close(opened byte) error {
	if len(s.open) == 0 || s.open[len(s.open)-1] != opened {
		return errStructure
	}
	s.open = s.open[:len(s.open)-1]
	s.state = wantNext
	return nil
}

// ended notes that a string or literal has ended, and reports whether it was the whole
// value.
func (s *scanner) ended() bool {
	s.state = wantNext
	return len(s.open) == 0
}

// string returns the index behind the quote that closes the string, or -1.
func (s *scanner) string(b []byte) int {
	for from := 0; ; {
		quote := bytes.IndexByte(b[from:], '"')
		if quote < 0 {
			s.odd = oddBackslashes(b[from:], s.odd)
			return -1
		}
		escaped := oddBackslashes(b[from:from+quote], s.odd)
		s.odd = false
		from += quote + 1
		if !escaped {
			return from
		}
	}
}

// oddBackslashes reports whether b ends with an odd number of backslashes. before says whether an odd number precedes
// b.
func oddBackslashes(b []byte, before bool) bool {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return (n%2 == 1) != (n == len(b) && before)
}

func literal(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}
