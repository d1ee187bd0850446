package chatfiles

import (
	"crypto/sha256"
	_ "embed" // of the pages
	"encoding/base64"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/markdown"
)

//go:embed pages.tmpl
var pages string

//go:embed style.css
var style string

// longest is the length of the longest text that is shown as Markdown, in bytes. A longer one is
// shown as it is.
const longest = 1 << 20

// HTML returns the format of pages that are complete in themselves: they run and load nothing,
// also no pictures.
func HTML() Format {
	sum := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	return htmlFormat{
		render: markdown.New(),
		pages: template.Must(template.New("pages").Funcs(template.FuncMap{
			"style":  func() template.HTML { return template.HTML("<style>" + style + "</style>") }, //nolint:gosec // it is a file of this package
			"policy": func() string { return policy },
			"number": number,
			"file":   url.PathEscape,
			"day":    func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
			"minute": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
			"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
			"web": func(link string) bool {
				return strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://")
			},
			"is": func(b *bool) bool { return b != nil && *b },
		}).Parse(pages)),
	}
}

type htmlFormat struct {
	render *markdown.Renderer
	pages  *template.Template
}

func (htmlFormat) extension() string { return ".html" }
func (htmlFormat) index() string     { return "index.html" }

func (f htmlFormat) begin(w io.Writer, c Conversation) error {
	return f.pages.ExecuteTemplate(w, "begin", c)
}

func (f htmlFormat) message(w io.Writer, m chat.Message) error {
	text := template.HTML("<pre>" + template.HTMLEscapeString(m.Text) + "</pre>") //nolint:gosec // it is escaped
	if len(m.Text) <= longest {
		rendered, err := f.render.Render(m.Text)
		if err != nil {
			return err
		}
		text = template.HTML(rendered) //nolint:gosec // the renderer leaves nothing that could run
	}
	return f.pages.ExecuteTemplate(w, "message", struct {
		chat.Message
		Head   []string
		Folded bool
		HTML   template.HTML
	}{m, headOf(m), m.Hidden || m.Branch != "", text})
}

func (f htmlFormat) end(w io.Writer) error { return f.pages.ExecuteTemplate(w, "end", nil) }

func (f htmlFormat) writeIndex(w io.Writer, months []month, totals Written) error {
	type chatLine struct {
		Name, Title, Platform string
		Created               time.Time
		Messages              int
	}
	type section struct {
		Title string
		Chats []chatLine
	}
	data := struct {
		Written
		Months []section
	}{Written: totals}
	for _, m := range months {
		s := section{Title: m.title}
		for _, c := range m.chats {
			s.Chats = append(s.Chats, chatLine{c.name, c.title, c.platform, c.created, c.messages})
		}
		data.Months = append(data.Months, s)
	}
	return f.pages.ExecuteTemplate(w, "index", data)
}
