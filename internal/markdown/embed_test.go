package markdown

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

func TestEmbed(t *testing.T) {
	for message, want := range map[string]string{
		"":                                   "",
		" \r\n ":                             "",
		"plain *text*":                       "plain *text*\n",
		"one\r\ntwo\rthree":                  "one\ntwo\nthree\n",
		"### small enough":                   "### small enough\n",
		"# Title\n\ntext\n\n## Human · 2026": "### Title\n\ntext\n\n#### Human · 2026\n",
		"##### five":                         "##### five\n",
		"# one\n##### five":                  "### one\n###### five\n",
		"Title\n=====\ntext":                 "Title\n\\=====\ntext\n",
		"Title\n---":                         "Title\n\\---\n",
		"above\n\n---\n\nbelow":              "above\n\n---\n\nbelow\n",
		"```go\n# not a heading\n```":        "```go\n# not a heading\n```\n",
		"```\nnever closed\n# x":             "```\nnever closed\n# x\n```\n",
		"~~~~\nnever closed\n~~~":            "~~~~\nnever closed\n~~~\n~~~~\n",
		"<!-- never closed":                  "> <!-- never closed\n",
		"<pre>\n## Human":                    "> <pre>\n> #### Human\n",
		"- a\n  ```\n  open in a list":       "- a\n  ```\n  open in a list\n",
		"#":                                  "###\n",
		"> ## quoted":                        "> ## quoted\n",
	} {
		require.Equal(t, want, Embed(message), "%q", message)
	}
	require.True(t, strings.HasPrefix(Embed(strings.Repeat("# long\n", maxEmbed/6)), "> # long\n> # long\n"))
}

func TestEscape(t *testing.T) {
	line := "a *b* _c_ `d` [e](f) <g> # & | ~h~ ![i] \\ $x$ 1"
	document := goldmark.DefaultParser().Parse(text.NewReader([]byte("# " + Escape(line))))
	require.Equal(t, ast.KindHeading, document.FirstChild().Kind())
	for node := document.FirstChild().FirstChild(); node != nil; node = node.NextSibling() {
		require.Equal(t, ast.KindText, node.Kind())
	}
}

// Whatever messages contain, the headings of a document of messages are those between them.
func FuzzEmbed(f *testing.F) {
	for _, s := range []string{"# a", "a\n=", "```", "~~~ `\n", "<!--", "<script>", "<?", "<![CDATA[", "<!A", "- ```\n", "> a\nb\n---", "1. # x", "\t# x", "#\t", "[a]: b\n===", "a\n \n===", "``` `\n# a", "   ```\n    ```\n# x"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		document := "## first\n\n" + Embed(one) + "\n## second\n\n" + Embed(two) + "\n## third\n"
		source := []byte(document)
		var found []string
		root := goldmark.DefaultParser().Parse(text.NewReader(source))
		for node := root.FirstChild(); node != nil; node = node.NextSibling() {
			if h, ok := node.(*ast.Heading); ok && h.Level <= 2 {
				found = append(found, string(h.Lines().Value(source)))
			}
		}
		require.Equal(t, []string{"first", "second", "third"}, found, "%q", document)
	})
}
