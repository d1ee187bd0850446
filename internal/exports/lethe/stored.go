package lethe

import (
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Stored is a line of WriteStored, or of WriteRevision, as it is read.
type Stored struct {
	ConversationID chat.ConversationID `json:"conversationId"`
	Revision       int64               `json:"revision"`
	ImportID       string              `json:"importId"`
	LastImportID   string              `json:"lastImportId"`
	Platform       string              `json:"platform"`
	DisplayName    string              `json:"platformDisplayName"`
	Conversation   *storedConversation `json:"conversation"` // nil if the line is something else
}

type storedConversation struct {
	ID        string          `json:"id"`
	Title     string          `json:"title"`
	CreatedAt time.Time       `json:"createdAt"`
	UpdatedAt time.Time       `json:"updatedAt"`
	Pinned    bool            `json:"pinned"`
	Archived  *bool           `json:"archived"`
	Starred   *bool           `json:"starred"`
	Project   string          `json:"project"`
	Link      string          `json:"link"`
	From      int             `json:"from"`
	Messages  []storedMessage `json:"messages"`
}

type storedMessage struct {
	MessageID chat.MessageID `json:"messageId"`
	ID        string         `json:"id"`
	Role      chat.Sender    `json:"role"`
	Content   string         `json:"content"`
	CreatedAt time.Time      `json:"createdAt"`
	Inferred  bool           `json:"timeInferred"`
	Branch    string         `json:"branch"`
	Hidden    bool           `json:"hidden"`
	Files     []string       `json:"files"`
}

// Part returns the conversation, or the part of a long one, that the line has. ok is false if
// ids are missing, so that it cannot be stored as it was.
func (s Stored) Part() (p chat.StoredPart, ok bool) {
	c := s.Conversation
	p.From = c.From
	p.Conversation = chat.Conversation{
		ID: s.ConversationID, Revision: s.Revision, ImportID: s.ImportID, LastImportID: s.LastImportID,
		Platform: s.Platform, ExternalID: c.ID, Title: c.Title, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), Pinned: c.Pinned,
		Source:   chat.Source{Archived: c.Archived, Starred: c.Starred, Project: c.Project, Link: c.Link},
		Messages: c.From + len(c.Messages),
	}
	ok = isID(s.ConversationID) && isID(s.ImportID) && (s.LastImportID == "" || isID(s.LastImportID)) && s.Platform != "" && c.ID != "" && c.From >= 0 && s.Revision > 0
	p.Turns = make([]chat.Message, len(c.Messages))
	for i, m := range c.Messages {
		p.Turns[i] = chat.Message{
			ID: m.MessageID, Position: c.From + i, ExternalID: m.ID, Sender: m.Role, Text: m.Content, CreatedAt: m.CreatedAt.UTC(),
			Inferred: m.Inferred, Branch: m.Branch, Hidden: m.Hidden, Files: m.Files,
		}
		ok = ok && isID(m.MessageID) && m.Role != ""
	}
	return p, ok
}

func isID[ID ~string](id ID) bool {
	_, ok := chat.ParseID(id)
	return ok
}
