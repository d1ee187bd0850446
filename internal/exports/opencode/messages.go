package opencode

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

// messageData is the column data of the table message.
type messageData struct {
	Role loose.Text `json:"role"`
	Time struct {
		Created loose.Time `json:"created"`
	} `json:"time"`
}

// partData is the column data of the table part.
type partData struct {
	Type        loose.Text `json:"type"`
	Text        loose.Text `json:"text"`
	Synthetic   loose.Flag `json:"synthetic"` // put in by OpenCode
	Ignored     loose.Flag `json:"ignored"`
	Tool        loose.Text `json:"tool"`
	Filename    loose.Text `json:"filename"`
	Mime        loose.Text `json:"mime"`
	Prompt      loose.Text `json:"prompt"`
	Description loose.Text `json:"description"`
	State       struct {
		Input  jsontext.Value `json:"input"`
		Output loose.Text     `json:"output"`
		Error  loose.Text     `json:"error"`
	} `json:"state"`
}

// session reads one session and hands it over.
func (r *reader) session(ctx context.Context, about row) (err error) {
	s := session.New(Platform, "OpenCode", milliseconds(0))
	u := &s.Upload
	u.ExternalID, u.Title, u.Source.Project = about.id, about.title, about.directory
	u.CreatedAt, u.UpdatedAt = milliseconds(about.created), milliseconds(about.updated)
	if about.archived > 0 {
		u.Source.Archived = new(true)
	}
	rows, err := r.db.QueryContext(ctx, `SELECT m.id, m.time_created, m.data, coalesce(p.id, ''), coalesce(p.data, '')
		FROM message m LEFT JOIN part p ON p.message_id = m.id WHERE m.session_id = ?
		ORDER BY m.time_created, m.id, p.id`, about.id)
	if err != nil {
		return r.failed(err)
	}
	defer func() { err = also(err, rows.Close()) }()
	var m message
	for rows.Next() {
		var id, data, partID, part string
		var created int64
		if err := rows.Scan(&id, &created, &data, &partID, &part); err != nil {
			return r.failed(err)
		}
		if id != m.id {
			m.addTo(s)
			m = message{id: id}
			r.begin(&m, created, data)
		}
		r.part(&m, partID, part)
	}
	if err := rows.Err(); err != nil {
		return r.failed(err)
	}
	m.addTo(s)
	reverted(s, about.revert)
	return s.HandOver(format.Place{Member: r.m.Path}, r.out)
}

// message is one message while its parts are read: its text, and separately its thinking and tool uses.
type message struct {
	id     string
	common chat.UploadMessage
	said   []string
	files  []string
	first  int // how many messages of beside come before the text
	beside []chat.UploadMessage
}

func (r *reader) begin(m *message, created int64, data string) {
	var d messageData
	if json.Unmarshal([]byte(data), &d, lines.Options) != nil {
		r.out.Warn(format.UnknownBlock, 1)
	}
	m.common.CreatedAt = d.Time.Created.Time
	if m.common.CreatedAt.IsZero() {
		m.common.CreatedAt = milliseconds(created)
	}
	m.common.Role = session.Assistant
	if d.Role == "user" {
		m.common.Role = session.Human
	}
}

// part takes one part of a message.
func (r *reader) part(m *message, id, data string) {
	if data == "" {
		return
	}
	var p partData
	if json.Unmarshal([]byte(data), &p, lines.Options) != nil {
		r.out.Warn(format.UnknownBlock, 1)
		return
	}
	hidden := chat.UploadMessage{ExternalID: id, CreatedAt: m.common.CreatedAt, Role: session.System, Text: string(p.Text), Hidden: true}
	switch p.Type {
	case "text":
		if !bool(p.Synthetic) && !bool(p.Ignored) {
			if len(m.said) == 0 {
				m.first = len(m.beside)
			}
			m.said = append(m.said, string(p.Text))
			return
		}
	case "reasoning":
		hidden.Role = session.Assistant
	case "tool":
		hidden.Role = session.Tool
		hidden.Text = strings.TrimSpace(string(p.Tool) + " " + loose.Compact(p.State.Input) + "\n" + string(p.State.Output+p.State.Error))
	case "subtask":
		hidden.Role, hidden.Text = session.Tool, strings.TrimSpace(string(p.Description)+"\n"+string(p.Prompt))
	case "file":
		name := string(p.Filename)
		if name == "" {
			name = string(p.Mime)
		}
		m.files = append(m.files, name)
		return
	case "step-start", "step-finish", "snapshot", "patch", "agent", "retry", "compaction":
		return
	default:
		r.out.Warn(format.UnknownBlock, 1)
		return
	}
	m.beside = append(m.beside, hidden)
}

// addTo adds the message to the session.
func (m *message) addTo(s *session.Session) {
	if len(m.said) == 0 && len(m.files) == 0 {
		m.first = len(m.beside)
	}
	for i, hidden := range m.beside {
		if i == m.first {
			m.addSaid(s)
		}
		s.Add(hidden)
	}
	if m.first >= len(m.beside) {
		m.addSaid(s)
	}
}

func (m *message) addSaid(s *session.Session) {
	if len(m.said) == 0 && len(m.files) == 0 {
		return
	}
	said := m.common
	said.ExternalID, said.Text, said.Files = m.id, strings.Join(m.said, "\n\n"), m.files
	s.Add(said)
}

// reverted puts the messages on a branch that the user has undone.
func reverted(s *session.Session, column string) {
	var revert struct {
		Message loose.Text `json:"messageID"`
	}
	if column == "" || json.Unmarshal([]byte(column), &revert, lines.Options) != nil || revert.Message == "" {
		return
	}
	from, ok := s.After(string(revert.Message))
	if !ok {
		return
	}
	all := s.Upload.Messages
	for i := from - 1; i < len(all); i++ {
		all[i].Branch = all[len(all)-1].ExternalID
	}
}
