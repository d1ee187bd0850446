package text

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// noise returns pseudo-random data, the same in every run.
func noise(n int) []byte {
	data := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(r.IntN(256))
	}
	return data
}

// lines wraps a text after every width bytes.
func lines(s string, width int, brk string) string {
	var out []string
	for ; len(s) > width; s = s[width:] {
		out = append(out, s[:width])
	}
	return strings.Join(append(out, s), brk)
}

func withoutBlobs(s string) string {
	var b strings.Builder
	for start, end := range Words(s) {
		b.WriteString(s[start:end])
	}
	return b.String()
}

func TestBlobs(t *testing.T) {
	std, safe := base64.StdEncoding.EncodeToString(noise(3000)), base64.RawURLEncoding.EncodeToString(noise(3000))
	hexed := hex.EncodeToString(noise(500))
	var dump []string
	for _, b := range noise(200) {
		dump = append(dump, fmt.Sprintf("%02x", b))
	}
	for name, blob := range map[string]string{
		"base64": std, "base64 of URLs": safe, "hex": hexed, "HEX": strings.ToUpper(hexed),
		"base64 in lines": lines(std, 76, "\n"), "base64 in lines of Windows": lines(std, 64, "\r\n"), "hex in lines": lines(hexed, 64, "\n"),
		"a picture":            "data:image/png;base64," + std,
		"a picture of nothing": "data:image/png;base64," + strings.Repeat("QUJD", 60000),
		"a small picture":      "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
		"a drawing":            "data:image/svg+xml;utf8,%3Csvg%20xmlns=%22http://www.w3.org/2000/svg%22%3E",
		"one letter":           strings.Repeat("a", 300), "groups of hex": strings.Join(dump, " "), "groups in lines": lines(strings.Join(dump, " "), 48, "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, "see \n here", withoutBlobs("see "+blob+"\n here"))
			require.Equal(t, "<a src=\"\">", withoutBlobs("<a src=\""+blob+"\">"))
			require.Equal(t, Terms("the lighthouse and the keeper"), Terms("the lighthouse "+blob+"\nand the keeper"), "blobs are not indexed")
			require.Equal(t, Tokens("the lighthouse ")+Tokens("\nkeeper"), Tokens("the lighthouse "+blob+"\nkeeper"), "blobs do not count as tokens")
			require.Equal(t, "the lighthouse", strings.TrimSpace(withoutBlobs("the lighthouse\n"+blob)))
		})
	}
}

// Words are not blobs, however long the text around them is.
func TestWordsAreNoBlobs(t *testing.T) {
	sum := sha256.Sum256(nil)
	for _, text := range []string{
		"", "plain words", hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(noise(90)),
		strings.Repeat("the old harbor ", 100),
		"/usr/share/doc/packages/some-long-package-name/examples/configuration/production/with_database_and_cache/settings/defaults/readme/index/main/entry/point/of/the/documentation",
		"https://example.com/" + strings.Repeat("a-slug-of-many-words-", 20),
		strings.Repeat("snake_case_identifier_that_goes_on_", 10),
		"data: the plural of datum, as in the sentence before", "data:not a uri", "metadata:image", "data:", "data:,",
		"face bad cafe dead beef", strings.Repeat("word\n", 200),
		strings.Repeat("one line of words and nothing else in it but letters and blanks, of some length\n", 5),
		strings.Repeat("船は九時に出ます", 100), "de ad be ef is a joke",
	} {
		require.Equal(t, text, withoutBlobs(text))
	}
}

// For any text, the blobs are in order, and removing them removes exactly their bytes.
func FuzzBlobs(f *testing.F) {
	f.Add("data:image/png;base64,QUJD\nde ad be ef")
	f.Fuzz(func(t *testing.T, text string) {
		at, size := 0, 0
		for start, end := range Blobs(text) {
			require.LessOrEqual(t, at, start)
			require.Less(t, start, end)
			at = end
			size += end - start
		}
		require.LessOrEqual(t, at, len(text))
		require.Len(t, withoutBlobs(text), len(text)-size)
	})
}
