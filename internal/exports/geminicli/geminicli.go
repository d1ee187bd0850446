// Package geminicli reads the sessions of Gemini CLI: JSON lines that begin with a header,
// and the JSON documents of earlier versions. Programs that save chats of the Gemini web
// page write the same form.
package geminicli

import (
	"context"
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

// Platforms of the conversations.
const (
	Platform    = "gemini-cli"
	webPlatform = "gemini"
	webHash     = "gemini-web" // the hash of the project in chats of the web page
)

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "geminicli", Title: "Gemini CLI session", Platform: Platform,
		LookFor: "`sessionId` and `projectHash`, with `messages` or in the first of several JSON lines",
		Matches: func(s *format.Sample) bool {
			l, ok := session.LinesOf(s)
			return ok && l.Has("sessionId") && l.Has("projectHash")
		},
		Read: read,
	}
}

// record is a whole document, or one line: the header, a message, a change of the header,
// or a return to an earlier message.
type record struct {
	header
	messageLine
	Set    header     `json:"$set"`
	Rewind loose.Text `json:"$rewindTo"`
}

type header struct {
	Session     loose.Text                 `json:"sessionId"`
	Project     loose.Text                 `json:"projectHash"`
	Start       loose.Time                 `json:"startTime"`
	Updated     loose.Time                 `json:"lastUpdated"`
	Kind        loose.Text                 `json:"kind"`
	Summary     loose.Text                 `json:"summary"`
	Directories loose.List[loose.Text]     `json:"directories"`
	Messages    loose.List[jsontext.Value] `json:"messages"`
}

type messageLine struct {
	ID      loose.Text                 `json:"id"`
	Time    loose.Time                 `json:"timestamp"`
	Type    loose.Text                 `json:"type"`
	Content jsontext.Value             `json:"content"`
	Shown   jsontext.Value             `json:"displayContent"` // what was typed, when content has more
	Thought loose.List[thought]        `json:"thoughts"`
	Calls   loose.List[jsontext.Value] `json:"toolCalls"`
}

type thought struct {
	Subject     loose.Text `json:"subject"`
	Description loose.Text `json:"description"`
	Time        loose.Time `json:"timestamp"`
}

type toolCall struct {
	ID      loose.Text     `json:"id"`
	Name    loose.Text     `json:"name"`
	Args    jsontext.Value `json:"args"`
	Time    loose.Time     `json:"timestamp"`
	Shown   loose.Text     `json:"resultDisplay"`
	Results loose.List[struct {
		Response struct {
			Response struct {
				Output loose.Text `json:"output"`
				Error  loose.Text `json:"error"`
			} `json:"response"`
		} `json:"functionResponse"`
	}] `json:"result"`
}

type reader struct {
	head    header
	s       *session.Session
	unknown int
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	r := reader{s: session.New(Platform, "Gemini CLI", loose.Time{}.Time)}
	byLine, err := lines.OneALine(m)
	if err != nil {
		return err
	}
	if byLine {
		err = lines.Each(ctx, m, out, func(_ lines.Place, rec record) error { r.record(&rec); return nil })
	} else {
		err = elements.Each(ctx, m, out, nil, func(rec *record, _ format.Place) error { r.record(rec); return nil })
	}
	if err != nil {
		return err
	}
	return r.handOver(m, out)
}

func (r *reader) handOver(m format.Member, out *format.Out) error {
	u := &r.s.Upload
	if r.head.Project == webHash {
		u.Platform, u.DisplayName = webPlatform, "Gemini"
	}
	u.ExternalID, u.Title = string(r.head.Session), string(r.head.Summary)
	if u.ExternalID == "" {
		u.ExternalID = strings.TrimSuffix(path.Base(m.Path), path.Ext(m.Path))
	}
	u.CreatedAt, u.UpdatedAt = r.head.Start.Time, r.head.Updated.Time
	if len(r.head.Directories) > 0 {
		u.Source.Project = string(r.head.Directories[0])
	}
	out.Warn(format.UnknownBlock, r.unknown)
	return r.s.HandOver(format.Place{Member: m.Path}, out)
}

func (r *reader) record(rec *record) {
	r.header(rec.header)
	r.header(rec.Set)
	if rec.Rewind != "" {
		r.rewind(string(rec.Rewind))
	}
	if rec.Type != "" && rec.ID != "" {
		r.message(rec.messageLine)
	}
}

// header takes what a header, or a change of it, says.
func (r *reader) header(h header) {
	keep := func(to *loose.Text, from loose.Text) {
		if from != "" {
			*to = from
		}
	}
	keep(&r.head.Session, h.Session)
	keep(&r.head.Project, h.Project)
	keep(&r.head.Summary, h.Summary)
	if !h.Start.IsZero() {
		r.head.Start = h.Start
	}
	if !h.Updated.IsZero() {
		r.head.Updated = h.Updated
	}
	if len(h.Directories) > 0 {
		r.head.Directories = h.Directories
	}
	for _, raw := range h.Messages {
		var m messageLine
		if json.Unmarshal(raw, &m, lines.Options) != nil {
			r.unknown++
			continue
		}
		r.message(m)
	}
}

// rewind moves the messages from this id on to a branch, because the conversation continued before them.
func (r *reader) rewind(to string) {
	from, ok := r.s.After(to)
	if !ok {
		return
	}
	all := r.s.Upload.Messages
	for i := from - 1; i < len(all); i++ {
		if all[i].Branch == "" {
			all[i].Branch = all[len(all)-1].ExternalID
		}
	}
}

// message takes a message. If it was written before and has grown, it replaces the earlier one.
func (r *reader) message(l messageLine) {
	id := string(l.ID)
	m := chat.UploadMessage{ExternalID: id, CreatedAt: l.Time.Time}
	m.Text, m.Files = r.content(l.Content)
	if shown, _ := r.content(l.Shown); shown != "" {
		m.Text = shown
	}
	switch l.Type {
	case "user":
		m.Role = session.Human
	case "gemini", "assistant", "model":
		m.Role = session.Assistant
	default: // info, warning, error
		m.Role, m.Hidden = session.System, true
	}
	for n, t := range l.Thought {
		at := t.Time.Time
		if at.IsZero() {
			at = l.Time.Time
		}
		r.s.Add(chat.UploadMessage{
			ExternalID: session.Part(id+"#thought", n), Role: session.Assistant, Hidden: true, CreatedAt: at,
			Text: strings.TrimSpace(string(t.Subject) + "\n" + string(t.Description)),
		})
	}
	if m.Text != "" || len(m.Files) > 0 || len(l.Thought)+len(l.Calls) == 0 {
		r.s.Add(m)
	}
	for n, raw := range l.Calls {
		r.call(session.Part(id+"#tool", n), l, raw)
	}
}

// call takes a call of a tool with its result.
func (r *reader) call(id string, l messageLine, raw jsontext.Value) {
	var c toolCall
	if json.Unmarshal(raw, &c, lines.Options) != nil {
		r.unknown++
		return
	}
	text := string(c.Name) + " " + loose.Compact(c.Args)
	for _, result := range c.Results {
		answer := result.Response.Response
		text += "\n" + string(answer.Output) + string(answer.Error)
	}
	at := c.Time.Time
	if at.IsZero() {
		at = l.Time.Time
	}
	r.s.Add(chat.UploadMessage{ExternalID: id, Role: session.Tool, Text: text, Hidden: true, CreatedAt: at})
}

// content returns the text of a content: a text, a list of texts, or a list of parts.
func (r *reader) content(v jsontext.Value) (text string, files []string) {
	if v.Kind() == '"' {
		return loose.String(v), nil
	}
	var parts loose.List[jsontext.Value]
	if v == nil || json.Unmarshal(v, &parts, lines.Options) != nil {
		return "", nil
	}
	var said []string
	for _, p := range parts {
		if p.Kind() == '"' {
			said = append(said, loose.String(p))
			continue
		}
		var part struct {
			Text   loose.Text `json:"text"`
			Inline *struct {
				Type loose.Text `json:"mimeType"`
			} `json:"inlineData"`
			File *struct {
				URI loose.Text `json:"fileUri"`
			} `json:"fileData"`
		}
		switch err := json.Unmarshal(p, &part, lines.Options); {
		case err != nil:
			r.unknown++
		case part.Inline != nil:
			files = append(files, string(part.Inline.Type))
		case part.File != nil:
			files = append(files, string(part.File.URI))
		case part.Text != "":
			said = append(said, string(part.Text))
		default:
			r.unknown++
		}
	}
	return strings.Join(said, "\n"), files
}
