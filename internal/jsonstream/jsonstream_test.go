package jsonstream

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type document struct {
	Title string   `json:"title"`
	Items []string `json:"items"`
	Text  string   `json:"text"`
	Last  int      `json:"last"`
}

func TestADocumentIsCutAtTheFieldAndNotAtATextThatLooksLikeIt(t *testing.T) {
	doc := document{Title: `"items":[] "text":"" <b>`, Items: []string{}, Last: 3}
	before, after, err := Array(doc, "items")
	require.NoError(t, err)
	var read document
	require.NoError(t, json.Unmarshal([]byte(string(before)+`"a","b"`+string(after)), &read))
	require.Equal(t, document{Title: doc.Title, Items: []string{"a", "b"}, Last: 3}, read)

	before, after, err = Text(doc, "text")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(string(before)+`said`+string(after)), &read))
	require.Equal(t, "said", read.Text)

	_, _, err = Text(doc, "missing")
	require.ErrorContains(t, err, "missing")
	_, _, err = Array(document{Items: []string{"full"}}, "items")
	require.Error(t, err)
}

const pieceSize = 16 << 10 // bytes

func TestATextIsWrittenInPiecesAsItWouldBeWhole(t *testing.T) {
	for _, text := range []string{
		"", "plain", "\"quoted\" \\ \n\t\x01 <b>&", strings.Repeat("ä€😀", 20_000), strings.Repeat("x", pieceSize), strings.Repeat("y", pieceSize-1) + "€",
		strings.Repeat("z\u2028\"", pieceSize),
	} {
		var out bytes.Buffer
		out.WriteByte('"')
		require.NoError(t, WriteText(&out, text))
		out.WriteByte('"')
		var read string
		require.NoError(t, json.Unmarshal(out.Bytes(), &read))
		require.Equal(t, text, read)
	}
}
