package gemini

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plainText returns the text of a piece of HTML: blocks as paragraphs, items of lists with "- " or their number, rows
// of tables as lines. It leaves out invisible parts: scripts, styles, templates.
func plainText(source string) string {
	z := html.NewTokenizer(strings.NewReader(source))
	var w writer
	for {
		switch z.Next() {
		case html.ErrorToken:
			return w.String()
		case html.TextToken, html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			w.token(z.Token())
		}
	}
}

// writer writes tokens of HTML as text.
type writer struct {
	out    strings.Builder
	breaks int       // line breaks that go before the next text
	space  bool      // a space is due before the next text
	bullet string    // due before the next text of an item
	lists  []int     // number of the last item of each open list; -1 for lists without numbers
	pre    int       // open <pre> elements
	hidden atom.Atom // the element that hides its content; 0 for none
	depth  int       // open elements of that kind
}

// String returns the text so far.
func (w *writer) String() string { return strings.TrimSpace(w.out.String()) }

func (w *writer) token(t html.Token) {
	if w.hides(t) {
		return
	}
	switch t.Type {
	case html.TextToken:
		w.text(t.Data)
	case html.StartTagToken, html.SelfClosingTagToken:
		w.start(t)
	case html.EndTagToken:
		w.end(t)
	}
}

// hides reports whether a token is part of something invisible.
func (w *writer) hides(t html.Token) bool {
	if w.hidden == 0 {
		switch t.DataAtom {
		case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Head, atom.Title:
			if t.Type == html.StartTagToken {
				w.hidden, w.depth = t.DataAtom, 1
			}
			return true
		}
		return false
	}
	if t.DataAtom == w.hidden {
		switch t.Type {
		case html.StartTagToken:
			w.depth++
		case html.EndTagToken:
			if w.depth--; w.depth == 0 {
				w.hidden = 0
			}
		}
	}
	return true
}

func (w *writer) start(t html.Token) {
	switch t.DataAtom {
	case atom.Br:
		w.breaks = max(w.breaks, 0) + 1
		w.space = false
	case atom.Ul, atom.Menu:
		w.paragraph()
		w.lists = append(w.lists, -1)
	case atom.Ol:
		w.paragraph()
		w.lists = append(w.lists, first(t)-1)
	case atom.Li:
		w.line()
		w.bullet = w.item()
	case atom.Tr, atom.Dt, atom.Dd:
		w.line()
	case atom.Td, atom.Th:
		if w.breaks == 0 && w.out.Len() > 0 {
			w.out.WriteString("\t")
			w.space = false
		}
	case atom.Pre:
		w.paragraph()
		w.pre++
	default:
		if isBlock(t.DataAtom) {
			w.paragraph()
		}
	}
}

func (w *writer) end(t html.Token) {
	switch t.DataAtom {
	case atom.Ul, atom.Menu, atom.Ol:
		if len(w.lists) > 0 {
			w.lists = w.lists[:len(w.lists)-1]
		}
		w.paragraph()
	case atom.Li:
		w.bullet = ""
		w.line()
	case atom.Tr, atom.Dt, atom.Dd:
		w.line()
	case atom.Pre:
		w.pre = max(0, w.pre-1)
		w.paragraph()
	default:
		if isBlock(t.DataAtom) {
			w.paragraph()
		}
	}
}

// first returns the number of the first item of a list.
func first(list html.Token) int {
	for _, a := range list.Attr {
		if a.Key == "start" {
			if n, err := strconv.Atoi(a.Val); err == nil && n > -1_000_000 && n < 1_000_000 {
				return n
			}
		}
	}
	return 1
}

// indentItems is the depth of lists up to which items are indented.
const indentItems = 8

// item returns the text before the next item of the innermost list.
func (w *writer) item() string {
	if len(w.lists) == 0 {
		return "- "
	}
	indent := strings.Repeat("  ", min(len(w.lists)-1, indentItems))
	last := &w.lists[len(w.lists)-1]
	if *last < 0 {
		return indent + "- "
	}
	*last++
	return indent + strconv.Itoa(*last) + ". "
}

// line ends the line, and paragraph ends the paragraph. Within a list both end the line.
func (w *writer) line() { w.breaks, w.space = max(w.breaks, 1), false }

func (w *writer) paragraph() {
	w.line()
	if len(w.lists) == 0 {
		w.breaks = max(w.breaks, 2)
	}
}

func (w *writer) text(s string) {
	if w.pre > 0 {
		w.lead()
		w.out.WriteString(breaking.Replace(s))
		return
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		w.space = w.space || s != ""
		return
	}
	if first, _ := utf8.DecodeRuneInString(s); unicode.IsSpace(first) {
		w.space = true
	}
	w.lead()
	for i, word := range words {
		if i > 0 {
			w.out.WriteByte(' ')
		}
		w.out.WriteString(word)
	}
	last, _ := utf8.DecodeLastRuneInString(s)
	w.space = unicode.IsSpace(last)
}

// lead writes the breaks, the bullet or the space before a text.
func (w *writer) lead() {
	switch {
	case w.out.Len() == 0:
	case w.breaks > 0:
		w.out.WriteString(strings.Repeat("\n", min(w.breaks, 2)))
	case w.space && w.bullet == "":
		w.out.WriteByte(' ')
	}
	w.out.WriteString(w.bullet)
	w.breaks, w.space, w.bullet = 0, false, ""
}

// isBlock reports whether an element begins on a line of its own.
func isBlock(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Table, atom.Section, atom.Article,
		atom.Header, atom.Footer, atom.Aside, atom.Figure, atom.Figcaption, atom.Hr, atom.Dl, atom.Pre, atom.Ul, atom.Ol, atom.Menu, atom.Details, atom.Summary,
		atom.Form, atom.Main, atom.Nav, atom.Address:
		return true
	}
	return false
}
