package gemini

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
)

// maxCard is the size of the largest entry that is read from HTML, in bytes.
const maxCard = 256 << 20

var errCardTooLong = fmt.Errorf("the entry is longer than %d MB", maxCard>>20)

// cell is a part of an entry.
type cell struct {
	classes []string
	tokens  []html.Token
}

func (c cell) is(class string) bool {
	return slices.Contains(c.classes, class)
}

// card is one entry in HTML: an element of the class outer-cell with its parts.
type card struct {
	cells  []cell
	number int // from 1
	long   bool
}

// cards calls fn for every card of a page, one at a time. It returns the errors of fn and of
// reading.
func cards(ctx context.Context, r io.Reader, fn func(card) error) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxCard)
	s := splitter{fn: fn}
	for ctx.Err() == nil {
		if z.Next() == html.ErrorToken {
			err := z.Err()
			if !errors.Is(err, io.EOF) {
				return errors.Join(s.end(), err)
			}
			return s.end()
		}
		if err := s.token(z.Token(), len(z.Raw())); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// splitter cuts a page into cards and cells.
type splitter struct {
	fn     func(card) error
	card   card
	inside bool
	divs   int // open <div> elements within the card, itself included
	cellAt int // divs when the current cell began; 0 outside of cells
	size   int
}

func (s *splitter) token(t html.Token, size int) error {
	isDiv := t.DataAtom == atom.Div
	if isDiv && t.Type == html.StartTagToken {
		classes := classesOf(t)
		if slices.Contains(classes, "outer-cell") {
			err := s.end()
			s.card = card{number: s.card.number + 1}
			s.inside, s.divs, s.cellAt, s.size = true, 1, 0, 0
			return err
		}
		if s.inside {
			s.divs++
			if s.cellAt == 0 && (slices.Contains(classes, "header-cell") || slices.Contains(classes, "content-cell")) {
				s.cellAt = s.divs
				s.card.cells = append(s.card.cells, cell{classes: classes})
				return nil
			}
		}
	}
	if !s.inside {
		return nil
	}
	if isDiv && t.Type == html.EndTagToken {
		s.divs--
		if s.cellAt > 0 && s.divs < s.cellAt {
			s.cellAt = 0
		}
		if s.divs == 0 {
			return s.end()
		}
	}
	if s.cellAt > 0 {
		s.keep(t, size)
	}
	return nil
}

func (s *splitter) keep(t html.Token, size int) {
	if s.size += size; s.size > maxCard {
		s.card.long, s.card.cells = true, nil
		s.cellAt = 0
		return
	}
	last := &s.card.cells[len(s.card.cells)-1]
	last.tokens = append(last.tokens, t)
}

// end hands the card over.
func (s *splitter) end() error {
	if !s.inside {
		return nil
	}
	s.inside = false
	err := s.fn(s.card)
	s.card.cells, s.card.long = nil, false
	return err
}

func classesOf(t html.Token) []string {
	for _, a := range t.Attr {
		if a.Key == "class" {
			return strings.Fields(a.Val)
		}
	}
	return nil
}

// isActivityPage reports whether a page is an activity log with an entry of Gemini.
func isActivityPage(head []byte) bool {
	found := errors.New("found")
	return errors.Is(cards(context.Background(), bytes.NewReader(head), func(c card) error {
		if heading, _ := c.heading(); isGemini(heading) {
			return found
		}
		return nil
	}), found)
}

// line is a line at the top of a cell, before its first block.
type line struct {
	text  string
	files []string // names of files that it links to
	end   int      // number of the token after it
}

// heading returns the product of a card, and the paragraphs that follow it in the same cell.
func (c card) heading() (heading string, rest []string) {
	for _, cell := range c.cells {
		if !cell.is("header-cell") {
			continue
		}
		paragraphs := strings.FieldsFunc(textOf(cell.tokens), func(r rune) bool { return r == '\n' })
		if len(paragraphs) == 0 {
			return "", nil
		}
		return paragraphs[0], paragraphs[1:]
	}
	return "", nil
}

// activity returns the contents of a card.
func (c card) activity() (activity, error) {
	if c.long {
		return activity{}, errCardTooLong
	}
	heading, rest := c.heading()
	a := activity{heading: heading}
	var body *cell
	for i, cell := range c.cells {
		switch {
		case cell.is("header-cell"), cell.is("mdl-typography--text-right"):
		case body == nil && !cell.is("mdl-typography--caption"):
			body = &c.cells[i]
		default:
			a.links = append(a.links, linksOf(cell.tokens)...)
		}
	}
	if body == nil || !isGemini(heading) {
		return a, nil
	}
	return a, a.read(body.tokens, rest)
}

// read reads the parts of an entry. In most exports prompt, time and answer follow each other in one cell. In some,
// the verb and the time are below the heading.
func (a *activity) read(body []html.Token, rest []string) error {
	lines := topLines(body)
	for i := len(lines) - 1; i >= 0; i-- {
		if !looksLikeTime(lines[i].text) {
			continue
		}
		at, err := localTime(lines[i].text)
		if err != nil {
			if i == 0 || !anyTime(lines[:i]) {
				return err
			}
			continue
		}
		a.at = at
		a.promptLines(lines[:i])
		a.answer(body[lines[i].end:])
		return nil
	}
	return a.readBelowHeading(body, rest)
}

func anyTime(lines []line) bool {
	for _, l := range lines {
		if _, err := localTime(l.text); err == nil && looksLikeTime(l.text) {
			return true
		}
	}
	return false
}

func (a *activity) readBelowHeading(body []html.Token, rest []string) (err error) {
	for _, paragraph := range rest {
		if looksLikeTime(paragraph) {
			if a.at, err = localTime(paragraph); err != nil {
				return err
			}
		} else if a.action == "" {
			a.action = paragraph
		}
	}
	if a.at.IsZero() {
		return errNoTime
	}
	end := firstBlock(body)
	a.prompt = hygiene.Text(textOf(body[:end]))
	a.answer(body[end:])
	return nil
}

// promptLines takes the prompt with its verb, and the names of files that were sent with it:
// "Attached 1 file.", then "- " and a link for each.
func (a *activity) promptLines(lines []line) {
	var texts []string
	for i, l := range lines {
		switch {
		case len(l.files) > 0 && strings.HasPrefix(l.text, "-"):
			a.files = append(a.files, l.files...)
		case i > 0 && i+1 < len(lines) && len(lines[i+1].files) > 0 && strings.HasPrefix(lines[i+1].text, "-") && strings.ContainsAny(l.text, "0123456789"):
		default:
			texts = append(texts, l.text)
		}
	}
	a.prompt = hygiene.Text(strings.Join(texts, "\n"))
}

func (a *activity) answer(tokens []html.Token) {
	a.addAnswer(textOf(tokens))
	for _, t := range tokens {
		if t.DataAtom == atom.Img && t.Type != html.EndTagToken {
			if name := fileName(attribute(t, "src")); name != "" {
				a.files = append(a.files, name)
			}
		}
	}
}

// topLines returns the lines of a cell before its first block.
func topLines(tokens []html.Token) (lines []line) {
	var text strings.Builder
	var files []string
	flush := func(end int) {
		if t := clean(text.String()); t != "" {
			lines = append(lines, line{text: t, files: files, end: end})
		}
		text.Reset()
		files = nil
	}
	for i, t := range tokens {
		switch {
		case t.Type == html.TextToken:
			text.WriteString(t.Data)
		case t.DataAtom == atom.Br:
			flush(i + 1)
		case t.DataAtom == atom.A && t.Type == html.StartTagToken:
			if name := fileName(attribute(t, "href")); name != "" {
				files = append(files, name)
			}
		case isBlock(t.DataAtom), t.DataAtom == atom.Script, t.DataAtom == atom.Style:
			flush(i)
			return lines
		}
	}
	flush(len(tokens))
	return lines
}

// firstBlock returns the number of the token after the first block of a cell.
func firstBlock(tokens []html.Token) int {
	open := 0
	for i, t := range tokens {
		if !isBlock(t.DataAtom) {
			continue
		}
		switch t.Type {
		case html.StartTagToken:
			open++
		case html.EndTagToken:
			if open--; open <= 0 {
				return i + 1
			}
		}
	}
	return len(tokens)
}

func textOf(tokens []html.Token) string {
	var w writer
	for _, t := range tokens {
		w.token(t)
	}
	return w.String()
}

func linksOf(tokens []html.Token) (links []string) {
	for _, t := range tokens {
		if t.DataAtom == atom.A && t.Type == html.StartTagToken {
			links = append(links, attribute(t, "href"))
		}
	}
	return links
}

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// fileName returns the name of a file beside the page, or "" for anything else.
func fileName(address string) string {
	if address == "" || strings.Contains(address, ":") || strings.HasPrefix(address, "//") || strings.HasPrefix(address, "#") {
		return ""
	}
	name := path.Base(address)
	if plain, err := url.PathUnescape(name); err == nil {
		name = path.Base(plain)
	}
	if name == "." || name == "/" || name == ".." {
		return ""
	}
	return name
}

// fromHTML is activities of a page.
func fromHTML(ctx context.Context, m format.Member, r io.Reader, out *format.Out, fn func(activity) error) error {
	return cards(ctx, r, func(c card) error {
		place := format.Place{Member: m.Path, Element: c.number}
		a, err := c.activity()
		if err != nil {
			out.Problem(place, err)
			return nil
		}
		a.place = place
		return fn(a)
	})
}
