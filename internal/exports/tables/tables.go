// Package tables reads CSV files and JSON lines of any program, if the user says what each column contains. A row is
// a message.
package tables

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/session"
	"github.com/lethe-chat/lethe/internal/exports/times"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Columns says which column of a table contains what. In JSON lines a column is a path of names with dots, such as
// author.name.
type Columns struct {
	Conversation string // the id of the conversation; without it, each file is one conversation
	Role         string // who wrote the message
	Text         string // what it says
	Time         string // when it was written
	Title        string // the conversation's title; the first one that is not empty counts
	ID           string // the message's id
	Project      string // a folder or project

	Platform string   // of the conversations; "table" when empty
	Human    []string // values of Role that mean the human; all others mean the assistant
}

// Platform is the platform of conversations whose options name none.
const Platform = "table"

// fields returns the field for each option.
func (c *Columns) fields() map[string]*string {
	return map[string]*string{
		"conversation": &c.Conversation, "role": &c.Role, "text": &c.Text, "time": &c.Time,
		"title": &c.Title, "id": &c.ID, "project": &c.Project, "platform": &c.Platform,
	}
}

// Options are the names that Parse accepts, in the order in which they are best explained.
var Options = [...]string{"conversation", "role", "text", "time", "title", "id", "project", "platform", "human"}

// Parse reads options of the form NAME=COLUMN, such as conversation=thread_id. human=NAME
// may be given several times; it is a value of the role's column. It returns Invalid for an
// option that is unknown, empty or given twice, and when role or text is missing.
func Parse(options []string) (Columns, error) {
	var c Columns
	fields := c.fields()
	for _, option := range options {
		name, value, is := strings.Cut(option, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		field, known := fields[name]
		switch {
		case !is || value == "":
			return Columns{}, fault.Invalidf("%q does not name a column; write it as in conversation=thread_id", option)
		case name == "human":
			c.Human = append(c.Human, value)
		case !known:
			return Columns{}, fault.Invalidf("%q is not a part of a conversation; use %s", name, strings.Join(Options[:], ", "))
		case *field != "":
			return Columns{}, fault.Invalidf("%s is given twice", name)
		default:
			*field = value
		}
	}
	if c.Text == "" || c.Role == "" {
		return Columns{}, fault.Invalidf("name the columns of the text and of who wrote it, as in role=author and text=body")
	}
	return c, nil
}

// Format returns a format for tables with these columns. It recognises CSV files and JSON
// lines that have the columns of the text and of the role.
func (c Columns) Format() format.Format {
	platform := c.Platform
	if platform == "" {
		platform = Platform
	}
	return format.Format{
		Name: "table", Title: "Table", Platform: platform,
		LookFor: fmt.Sprintf("CSV or JSON lines with the columns `%s` and `%s`", c.Role, c.Text),
		Matches: c.matches,
		Read: func(ctx context.Context, m format.Member, out *format.Out) error {
			return (&reader{c: c, platform: platform, m: m, out: out}).read(ctx)
		},
	}
}

// row is a row of a table by the names of Options.
type row struct {
	place                                              int // line, from 1
	conversation, role, text, time, title, id, project string

	without []string // named columns that a line of JSON does not have
	fields  []string // all fields of such a line
}

// reader reads a file twice: first to learn where each conversation ends, then to pass each one on there. So only
// unfinished conversations are in memory, not the table.
type reader struct {
	c        Columns
	platform string
	m        format.Member
	out      *format.Out

	last  map[string]int // number of the last row of a conversation
	open  map[string]*session.Session
	began map[string]int // line of its first row
}

func (r *reader) read(ctx context.Context) error {
	r.last, r.open, r.began = map[string]int{}, map[string]*session.Session{}, map[string]int{}
	rows := 0
	var nowhereYet, first []string // columns that no line of JSON had so far, and the fields of the first line
	err := r.c.rows(ctx, r.m, &format.Out{}, func(w row) error {
		if rows++; rows == 1 {
			nowhereYet, first = w.without, w.fields
		}
		nowhereYet = slices.DeleteFunc(nowhereYet, func(name string) bool { return !slices.Contains(w.without, name) })
		r.last[w.conversation] = rows
		return nil
	})
	if err != nil {
		return err
	}
	if len(nowhereYet) > 0 {
		r.out.Problem(format.Place{Member: r.m.Path, Line: 1}, nowhere(nowhereYet, first))
		return nil
	}
	rows = 0
	return r.c.rows(ctx, r.m, r.out, func(w row) error {
		rows++
		r.take(w)
		if r.last[w.conversation] == rows {
			return r.handOver(w.conversation)
		}
		return nil
	})
}

func (r *reader) take(w row) {
	s := r.open[w.conversation]
	if s == nil {
		s = session.New(r.platform, "", time.Time{})
		r.open[w.conversation], r.began[w.conversation] = s, w.place
	}
	if s.Upload.Title == "" {
		s.Upload.Title = w.title
	}
	if s.Upload.Source.Project == "" {
		s.Upload.Source.Project = w.project
	}
	role, ok := r.c.sender(w.role)
	if !ok {
		r.out.Problem(format.Place{Member: r.m.Path, Line: w.place}, errRole)
		return
	}
	at, _ := times.Parse(w.time)
	m := chat.UploadMessage{ExternalID: w.id, Role: role, Text: w.text, CreatedAt: at}
	if m.ExternalID == "" {
		s.AddUnnamed(m)
		return
	}
	s.Add(m)
}

var errRole = fault.Invalidf("who wrote the row is none of human, assistant, system and tool; say with human=NAME who is the person")

// people and programs are values of a role's column, in addition to those of chat.ParseSender.
var (
	people   = []string{"me", "you", "customer", "client", "person", "question", "prompt", "request", "q"}
	programs = []string{"bot", "chatbot", "agent", "gpt", "chatgpt", "claude", "gemini", "grok", "copilot", "answer", "response", "a", "llm"}
)

// sender returns the role that a value means.
func (c Columns) sender(value string) (string, bool) {
	value = strings.TrimSpace(value)
	if len(c.Human) > 0 {
		if slices.ContainsFunc(c.Human, func(h string) bool { return strings.EqualFold(h, value) }) {
			return session.Human, true
		}
		if sender, ok := chat.ParseSender(strings.ToLower(value)); ok && sender != chat.Human {
			return string(sender), true
		}
		return session.Assistant, value != ""
	}
	value = strings.ToLower(value)
	switch sender, ok := chat.ParseSender(value); {
	case ok:
		return string(sender), true
	case slices.Contains(people, value):
		return session.Human, true
	case slices.Contains(programs, value):
		return session.Assistant, true
	}
	return "", false
}

func (r *reader) handOver(id string) error {
	s := r.open[id]
	delete(r.open, id)
	s.Upload.ExternalID = id
	if id == "" { // the file is the conversation, and its name is all that it has
		s.Upload.ExternalID = strings.TrimSuffix(path.Base(r.m.Path), path.Ext(r.m.Path))
	}
	return s.HandOver(format.Place{Member: r.m.Path, Line: r.began[id]}, r.out)
}
