package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
)

// terminalWriter writes to a terminal and escapes control characters. Otherwise a title or a message could move the
// cursor, rename the window, write to the clipboard or reverse the order of a line. Everything that a command prints
// goes through it. The escapes look like \u001b, so JSON keeps its meaning.
type terminalWriter struct {
	to   io.Writer
	held []byte // an incomplete character, or a CR that may be followed by LF
}

// shownOn returns a terminalWriter for a terminal. Output to a file or another
// program is not changed.
func shownOn(out io.Writer) io.Writer {
	if file, ok := out.(*os.File); ok && (isatty.IsTerminal(file.Fd()) || isatty.IsCygwinTerminal(file.Fd())) {
		return &terminalWriter{to: out}
	}
	return out
}

// Write writes p escaped. It may keep the last few bytes until the rest of their character is written.
func (t *terminalWriter) Write(p []byte) (int, error) {
	text := append(t.held, p...)
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 && !utf8.FullRune(text) || r == '\r' && len(text) == 1 {
			break
		}
		switch {
		case r == '\r' && text[1] == '\n': // a Windows line ending
		case unsafeOnTerminal(r):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r) // an invalid byte becomes U+FFFD
		}
		text = text[size:]
	}
	t.held = append([]byte(nil), text...)
	if _, err := io.WriteString(t.to, out.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// reorders reports whether the character changes the direction of the text after it:
// an embedding, an override or an isolate. The marks U+200E and U+200F do not count,
// because ordinary text contains them.
func reorders(r rune) bool {
	return (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069)
}

// unsafeOnTerminal reports whether a terminal would interpret the character: C0
// except line feed and tab, DEL, C1, and characters that reorder a line.
func unsafeOnTerminal(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || reorders(r))
}

// oneLine keeps a text on one line and in one column: line breaks and tabs become
// spaces.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', '\t', '\v', '\f', 0x85, 0x2028, 0x2029:
			return ' '
		}
		return r
	}, s)
}
