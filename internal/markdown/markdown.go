// Package markdown turns the Markdown of messages into HTML that a page may insert: nothing
// of it can run, load or submit anything. The texts of chats are hostile input.
package markdown

import (
	"bytes"
	"regexp"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// Renderer renders Markdown. It may be used by several goroutines.
type Renderer struct {
	parse    goldmark.Markdown
	sanitise *bluemonday.Policy
}

// New returns a Renderer.
func New() *Renderer {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote",
		"pre", "code", "em", "strong", "del", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("align").Matching(regexp.MustCompile("^(left|center|right)$")).OnElements("td", "th")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.RequireNoReferrerOnLinks(true)
	p.RequireNoFollowOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	return &Renderer{
		parse: goldmark.New(goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), extension.Strikethrough, extension.Linkify),
			goldmark.WithRendererOptions(html.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(literal{}, 1)))),
		sanitise: p,
	}
}

// Render returns the HTML of a text. Pictures are left out, because a browser would load
// them from elsewhere. HTML in the text is shown as it was written.
func (r *Renderer) Render(text string) (string, error) {
	var out bytes.Buffer
	if err := r.parse.Convert([]byte(text), &out); err != nil {
		return "", err
	}
	return r.sanitise.SanitizeReader(&out).String(), nil
}

// literal shows HTML in a text as text.
type literal struct{}

// RegisterFuncs registers the kinds of nodes that are HTML.
func (literal) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, rawHTML)
	r.Register(ast.KindHTMLBlock, htmlBlock)
}

func rawHTML(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if raw, ok := node.(*ast.RawHTML); ok && entering {
		for i := range raw.Segments.Len() {
			segment := raw.Segments.At(i)
			if _, err := w.Write(util.EscapeHTML(segment.Value(source))); err != nil {
				return ast.WalkStop, err
			}
		}
	}
	return ast.WalkSkipChildren, nil
}

func htmlBlock(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	block, ok := node.(*ast.HTMLBlock)
	if !ok || !entering {
		return ast.WalkContinue, nil
	}
	var text []byte
	for i := range block.Lines().Len() {
		line := block.Lines().At(i)
		text = append(text, line.Value(source)...)
	}
	if block.HasClosure() {
		text = append(text, block.ClosureLine.Value(source)...)
	}
	_, err := w.WriteString("<p>" + string(util.EscapeHTML(bytes.TrimRight(text, "\n"))) + "</p>\n")
	return ast.WalkContinue, err
}
