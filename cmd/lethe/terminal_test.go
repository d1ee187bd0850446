package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestControlCharactersAreShown(t *testing.T) {
	for text, want := range map[string]string{
		"plain, naïve, 日本, 👩‍👩‍👧, \tא ב\n": "plain, naïve, 日本, 👩‍👩‍👧, \tא ב\n",
		"\x1b]0;title\x07":                     `\u001b]0;title\u0007`,
		"\x1b[2J\x1b]52;c;aGk=\x1b\\":          `\u001b[2J\u001b]52;c;aGk=\u001b\`,
		"a\u009b31mb":                          `a\u009b31mb`,
		"a\x9b31mb":                            "a\ufffd31mb", // C1 as one byte, which is not valid UTF-8
		"\x00\x08\x0b\x0c\x7f":                 `\u0000\u0008\u000b\u000c\u007f`,
		"one\r\ntwo\n":                         "one\ntwo\n",
		"12345\rfake\n":                        `12345\u000dfake` + "\n",
		"x \u202ereversed\u202c \u2066y\u2069": `x \u202ereversed\u202c \u2066y\u2069`,
		"\xff\xfe":                             "\ufffd\ufffd",
	} {
		var whole, bytewise strings.Builder
		n, err := (&terminalWriter{to: &whole}).Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
		require.Equal(t, want, whole.String(), "%q", text)

		slow := &terminalWriter{to: &bytewise}
		for _, b := range []byte(text) {
			_, err := slow.Write([]byte{b})
			require.NoError(t, err)
		}
		require.Equal(t, want, bytewise.String(), "%q, a byte at a time", text)
	}
}

// JSON on a terminal has the same meaning.
func TestShownJSONIsTheSameJSON(t *testing.T) {
	text := "a\u009b\u202e\x1b\x7f\u2028é"
	data, err := json.Marshal(text)
	require.NoError(t, err)
	var out strings.Builder
	_, err = (&terminalWriter{to: &out}).Write(data)
	require.NoError(t, err)
	require.NotContains(t, out.String(), "\u202e")
	var back string
	require.NoError(t, json.Unmarshal([]byte(out.String()), &back))
	require.Equal(t, text, back)
}

func TestATitleFitsALine(t *testing.T) {
	require.Equal(t, "a b c d", oneLine("a\nb\tc\u2028d"))
}
