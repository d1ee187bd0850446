package claudecode

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

// joiner joins the parts of an answer. Claude Code writes each block of an answer as a separate line with the same
// message id, and sometimes writes a block twice.
type joiner struct {
	s     *session.Session
	parts map[part]bool
	open  map[string]int // id of an answer -> index of the message with its text
}

// part is one block of an answer.
type part struct{ reply, role, text string }

// add adds a message of a record to the session. Texts of one answer become one message,
// with the id of the first line.
func (j joiner) add(r session.Record, m chat.UploadMessage) {
	if r.Reply == "" {
		j.s.Add(m)
		return
	}
	m.Text = strings.TrimSpace(m.Text)
	p := part{r.Reply, m.Role, m.Text}
	if j.parts[p] {
		return
	}
	j.parts[p] = true
	if m.Role != session.Assistant || m.Hidden || m.Text == "" {
		j.s.Add(m)
		return
	}
	if at, ok := j.open[r.Reply]; ok {
		earlier := &j.s.Upload.Messages[at]
		earlier.Text += "\n\n" + m.Text
		return
	}
	j.s.Add(m)
	j.open[r.Reply] = len(j.s.Upload.Messages) - 1
}
