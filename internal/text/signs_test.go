package text

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestColoursOfATerminalAreNoWords(t *testing.T) {
	for text, want := range map[string][]string{
		"\x1b[1mquuxfail":                     {"quuxfail"},
		"\x1b[31;1mquuxfail\x1b[0m: it broke": {"quuxfail", "break"},
		"quux\x1b[0mfail":                     {"quux", "fail"},
		"\u009b38;5;196mquuxfail":             {"quuxfail"},
		"\x1b[":                               {},
		"\x1b[1":                              {"1"},
		"\x1bmquuxfail":                       {"mquuxfail"},
		"\x1b[0;1;2;3;4;5;6;7;8;9;0;1;2;3;4;5;6;7mquux": Terms("[0;1;2;3;4;5;6;7;8;9;0;1;2;3;4;5;6;7mquux"),
	} {
		require.Equal(t, want, Terms(text), "%q", text)
	}
}

func TestEmojiAreTerms(t *testing.T) {
	for text, want := range map[string][]string{
		"🎂":            {"u+1f382"},
		"cake🎂party":   {"cake", "u+1f382", "parti"},
		"👍🏽":           {"u+1f44d"},
		"❤️❤️ ❤":       {"u+2764"},
		"👩‍👧":          {"u+1f469", "u+1f467"},
		"🇵🇹":           {"u+1f1f5", "u+1f1f9"},
		"a → b │ c ✓":  {"b", "c", "u+2713"},
		"U+1F382 is 🎂": {"u+1f382", "u", "1f382", "1", "f", "382", "u+1f382"},
	} {
		require.Equal(t, want, Terms(text), text)
	}
	require.Equal(t, []Span{{5, 6}}, Spans("cake 🎂 party", Terms("🎂")))
}
