package markdown

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRender(t *testing.T) {
	for text, want := range map[string]string{
		"two\nlines":                           "<p>two<br>\nlines</p>\n",
		"**b** and `x < y`":                    "<p><strong>b</strong> and <code>x &lt; y</code></p>\n",
		"```go\nfmt.Println(\"<b>\")\n```":     "<pre><code>fmt.Println(&#34;&lt;b&gt;&#34;)\n</code></pre>\n",
		"~~old~~":                              "<p><del>old</del></p>\n",
		"see https://example.org/a":            `<p>see <a href="https://example.org/a" rel="nofollow noreferrer noopener" target="_blank">https://example.org/a</a></p>` + "\n",
		"[x](javascript:alert(1))":             "<p>x</p>\n",
		"[x](data:text/html,a)":                "<p>x</p>\n",
		"![cat](https://example.org/c.png)":    "<p></p>\n",
		"before <script>alert(1)</script> x":   "<p>before &lt;script&gt;alert(1)&lt;/script&gt; x</p>\n",
		"<div onclick=\"x()\">\nhello\n</div>": "<p>&lt;div onclick=&#34;x()&#34;&gt;\nhello\n&lt;/div&gt;</p>\n",
		"<img src=x onerror=alert(1)>":         "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n",
		"| a | b |\n|---|---|\n| 1 | 2 |":      "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n",
		"| a |\n|--:|\n| 1 |":                  "<table>\n<thead>\n<tr>\n<th align=\"right\">a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align=\"right\">1</td>\n</tr>\n</tbody>\n</table>\n",
		"":                                     "",
	} {
		got, err := New().Render(text)
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", text)
	}
}

// active must never be in the output, whatever the input is.
var active = regexp.MustCompile(`(?i)<(script|style|iframe|object|embed|form|input|img|svg|math|link|meta|base|template|video|audio)\b|<[^>]+\s(on\w+|style|src|id|class)\s*=|href="(?:javascript|data|vbscript):`)

func FuzzRender(f *testing.F) {
	for _, s := range []string{"<script>", "[a](java\tscript:x)", "<a href='x' onclick=y>", "```\n<b>\n", "\x00<svg/onload=1>", strings.Repeat("> ", 200) + "x", "[x]: javascript:a\n[x]"} {
		f.Add(s)
	}
	r := New()
	f.Fuzz(func(t *testing.T, text string) {
		got, err := r.Render(text)
		require.NoError(t, err)
		require.NotRegexp(t, active, got)
	})
}
