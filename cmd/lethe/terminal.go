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

// terminalWriter stands before a terminal and shows control characters instead of
// sending them: a title or a message could otherwise move the cursor, rename the
// window, write to the clipboard or reverse the order of a line. Whatever a
// command prints goes through it, so no command can forget it. It shows them as
// \u001b, which JSON reads as the same character.
type terminalWriter struct {
	to   io.Writer
	held []byte // the beginning of a character, or a CR, whose rest has not come yet
}

// shownOn puts a terminalWriter before a terminal. Data for a file or another
// program stays as it is.
func shownOn(out io.Writer) io.Writer {
	if file, ok := out.(*os.File); ok && (isatty.IsTerminal(file.Fd()) || isatty.IsCygwinTerminal(file.Fd())) {
		return &terminalWriter{to: out}
	}
	return out
}

// Write shows p. It holds at most the last few bytes back, until it is known what
// they are.
func (t *terminalWriter) Write(p []byte) (int, error) {
	text := append(t.held, p...)
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 && !utf8.FullRune(text) || r == '\r' && len(text) == 1 {
			break
		}
		switch {
		case r == '\r' && text[1] == '\n': // the end of a line as Windows writes it
		case unsafeOnTerminal(r):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r) // a byte that is no character becomes U+FFFD
		}
		text = text[size:]
	}
	t.held = append([]byte(nil), text...)
	if _, err := io.WriteString(t.to, out.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// reorders reports whether the character reorders what follows it: embeddings,
// overrides and isolates do. The marks U+200E and U+200F do not count, because
// honest text has them.
func reorders(r rune) bool {
	return (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069)
}

// unsafeOnTerminal reports whether a terminal would obey the character: C0 but
// line feed and tab, DEL, C1, and what reorders a line.
func unsafeOnTerminal(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || reorders(r))
}

// oneLine makes a title fit one line of a table or a list: what would end the
// line or move to another column becomes a space.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', '\t', '\v', '\f', 0x85, 0x2028, 0x2029:
			return ' '
		}
		return r
	}, s)
}
