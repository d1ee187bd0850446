// Package session puts conversations of coding agents together: the messages of one session
// in order, their ids and times, injected context apart from what was typed, and branches.
// It does not know how an agent writes its records.
package session

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
)

// Roles of messages, as chat.ParseSender reads them.
const (
	Human     = string(chat.Human)
	Assistant = string(chat.Assistant)
	System    = string(chat.System)
	Tool      = string(chat.Tool)
)

// Session is one conversation while its records are read. The zero value is empty.
type Session struct {
	Upload chat.Upload

	at    map[string]int // index of the message with an external id
	empty int
	last  time.Time // of the last message with a time of its own
}

// New returns an empty session. after is the time of the message before the first one when a reading continues from a
// mark, and zero otherwise.
func New(platform, displayName string, after time.Time) *Session {
	return &Session{
		Upload: chat.Upload{Platform: platform, DisplayName: displayName, TellsMarks: true},
		at:     map[string]int{}, last: after,
	}
}

// Add appends a message. If a message with the same external id was added before, Add replaces it in its place,
// because agents write a message again when it changes. It ignores a message without text and files. A message
// without a time gets that of the message before it.
func (s *Session) Add(m chat.UploadMessage) {
	m.Text = strings.TrimSpace(hygiene.Text(m.Text))
	if m.Text == "" && len(m.Files) == 0 {
		s.empty++
		return
	}
	if at, again := s.at[m.ExternalID]; again && m.ExternalID != "" {
		if m.CreatedAt.IsZero() {
			m.CreatedAt, m.Inferred = s.Upload.Messages[at].CreatedAt, s.Upload.Messages[at].Inferred
		}
		s.Upload.Messages[at] = m
		return
	}
	switch {
	case m.CreatedAt.IsZero():
		m.CreatedAt, m.Inferred = s.last, !s.last.IsZero()
	case !m.Inferred:
		s.last = m.CreatedAt
	}
	if m.ExternalID != "" {
		s.at[m.ExternalID] = len(s.Upload.Messages)
	}
	s.Upload.Messages = append(s.Upload.Messages, m)
}

// AddUnnamed is Add for a message whose source gives it no id. Its id is a hash of its role,
// its time and its text, and of how many messages before it are equal in all three.
func (s *Session) AddUnnamed(m chat.UploadMessage) {
	s.addAs(ID(m.Role, m.CreatedAt, m.Text), m)
}

// AddBegun is AddUnnamed for a message whose text may still grow: its id is a hash of its
// role and of the time at which it began.
func (s *Session) AddBegun(m chat.UploadMessage) {
	s.addAs(ID(m.Role, m.CreatedAt, ""), m)
}

func (s *Session) addAs(id string, m chat.UploadMessage) {
	m.ExternalID = id
	for n := 2; s.Has(m.ExternalID); n++ {
		m.ExternalID = fmt.Sprintf("%s#%d", id, n)
	}
	s.Add(m)
}

// Last returns the time of the last message with a time of its own.
func (s *Session) Last() time.Time { return s.last }

// Has reports whether a message with this external id was added.
func (s *Session) Has(id string) bool {
	_, has := s.at[id]
	return has
}

// After returns the indexes of the messages after the one with this external id.
func (s *Session) After(id string) (from int, ok bool) {
	at, ok := s.at[id]
	return at + 1, ok
}

// HandOver completes the conversation and passes it to out. Messages before the first one
// with a time get that time. The conversation's own times are those of its first and last
// message, unless the caller has set them. A conversation without messages that people see
// is counted as EmptyChat.
func (s *Session) HandOver(place format.Place, out *format.Out) error {
	out.Warn(format.EmptyMessage, s.empty)
	if !s.seen() {
		out.Warn(format.EmptyChat, 1)
		return nil
	}
	files, inferred := 0, 0
	for i := range s.Upload.Messages {
		m := &s.Upload.Messages[i]
		if m.CreatedAt.IsZero() {
			m.CreatedAt = s.firstTime()
			m.Inferred = !m.CreatedAt.IsZero()
		}
		if m.Inferred {
			inferred++
		}
		files += len(m.Files)
	}
	out.Warn(format.TimeInferred, inferred)
	out.Warn(format.FileNotIncluded, files)
	if s.Upload.CreatedAt.IsZero() {
		s.Upload.CreatedAt = s.firstTime()
	}
	if s.Upload.UpdatedAt.Before(s.last) {
		s.Upload.UpdatedAt = s.last
	}
	return out.Conversation(format.Conversation{Upload: s.Upload, Place: place})
}

// seen reports whether there is a message that people see.
func (s *Session) seen() bool {
	for _, m := range s.Upload.Messages {
		if !m.Hidden && m.Role != System && m.Role != Tool {
			return true
		}
	}
	return false
}

// firstTime returns the first time that a message has of its own, or that of the conversation.
func (s *Session) firstTime() time.Time {
	for _, m := range s.Upload.Messages {
		if !m.CreatedAt.IsZero() && !m.Inferred {
			return m.CreatedAt
		}
	}
	return s.Upload.CreatedAt
}

// ID returns a hash of a message's role, time and text.
func ID(role string, at time.Time, text string) string {
	return Hash(role, at.UTC().Format(time.RFC3339Nano), text)
}

// Hash returns a short hash of several texts, for ids of what has none.
func Hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Part returns the id of the n-th message, from 0, that one record of the source becomes.
func Part(id string, n int) string {
	if id == "" || n == 0 {
		return id
	}
	return fmt.Sprintf("%s#%d", id, n)
}
