package store

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
)

// The rows are the tables of migrations/, column by column. They never leave
// this package.

type workspaceRow struct {
	ID        int64
	Name      string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

func (workspaceRow) TableName() string { return "workspaces" }

type keyRow struct {
	WorkspaceID int64
	ID          string
	Name        string
	Prefix      string
	Hash        []byte
	Scopes      string
	CreatedAt   int64 `gorm:"autoCreateTime:false"`
	LastUsedAt  *int64
	RevokedAt   *int64

	WorkspaceName string `gorm:"->"` // joined in
}

func (keyRow) TableName() string { return "api_keys" }

func (r keyRow) key() auth.Key {
	scopes, _ := auth.ParseScopes(r.Scopes) // unreadable scopes allow nothing
	k := auth.Key{
		ID: r.ID, Workspace: chat.WorkspaceID(r.WorkspaceID), WorkspaceName: r.WorkspaceName,
		Name: r.Name, Prefix: r.Prefix, Scopes: scopes, CreatedAt: fromMicros(r.CreatedAt),
		LastUsedAt: fromNullMicros(r.LastUsedAt), RevokedAt: fromNullMicros(r.RevokedAt),
	}
	copy(k.Hash[:], r.Hash)
	return k
}

type platformRow struct {
	WorkspaceID int64
	Platform    string
	DisplayName string
}

func (platformRow) TableName() string { return "platforms" }

type importRow struct {
	WorkspaceID   int64
	ID            string
	Kind          string
	Platform      string
	Conversations int
	Messages      int
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
}

func (importRow) TableName() string { return "imports" }

type conversationRow struct {
	WorkspaceID     int64
	ID              string
	Platform        string
	ExternalID      string
	Title           string
	TitleFolded     string
	CreatedAt       int64 `gorm:"autoCreateTime:false"`
	UpdatedAt       int64 `gorm:"autoUpdateTime:false"`
	Pinned          bool
	ImportID        string
	MessageCount    int
	TokenCount      int
	ChunkCount      int
	TermCount       int
	VectorCount     int
	UnreadableCount int
	Revision        int64
	IndexState      string
	IndexedRevision int64
	Attempts        int
	RunAfter        int64
	IndexError      string
	RecipeID        int64
}

func (conversationRow) TableName() string { return "conversations" }

func (r conversationRow) conversation() chat.Conversation {
	return chat.Conversation{
		ID: r.ID, Platform: r.Platform, ExternalID: r.ExternalID, Title: r.Title,
		CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt), Pinned: r.Pinned,
		ImportID: r.ImportID, Messages: r.MessageCount, Tokens: r.TokenCount, Chunks: r.ChunkCount,
		Revision: r.Revision, IndexState: chat.IndexState(r.IndexState), IndexError: r.IndexError,
	}
}

type messageRow struct {
	WorkspaceID    int64
	ConversationID string
	Position       int
	ID             string
	ExternalID     string
	Sender         string
	Text           string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	Branch         string
	Hidden         bool
}

func (messageRow) TableName() string { return "messages" }

func (r messageRow) message() chat.Message {
	return chat.Message{
		ID: r.ID, Position: r.Position, ExternalID: r.ExternalID, Sender: chat.Sender(r.Sender),
		Text: r.Text, CreatedAt: fromMicros(r.CreatedAt), Branch: r.Branch, Hidden: r.Hidden,
	}
}

func newMessageRow(ws chat.WorkspaceID, conversation string, m chat.Message) messageRow {
	return messageRow{
		WorkspaceID: int64(ws), ConversationID: conversation, Position: m.Position, ID: m.ID,
		ExternalID: m.ExternalID, Sender: string(m.Sender), Text: m.Text, CreatedAt: micros(m.CreatedAt),
		Branch: m.Branch, Hidden: m.Hidden,
	}
}

type chunkRow struct {
	WorkspaceID    int64
	ConversationID string
	Position       int
	FirstMessage   int
	LastMessage    int
	Text           string
	Terms          string
	TermCount      int
	UnreadableBy   string
}

func (chunkRow) TableName() string { return "chunks" }

// embeddingRow is a row of embeddings, but for its vector, which each database
// keeps in its own way.
type embeddingRow struct {
	WorkspaceID    int64
	ConversationID string
	Position       int
	Model          string
	Dimensions     int
	Vector         []float32 `gorm:"-"`
}

func (embeddingRow) TableName() string { return "embeddings" }

// prefixed makes terms of one workspace unlike those of any other, so that the
// full-text index keeps a list a word and workspace.
func prefixed(ws chat.WorkspaceID, terms []string) []string {
	label := termPrefix(ws)
	out := make([]string, len(terms))
	for i, t := range terms {
		out[i] = label + t
	}
	return out
}

func joinTerms(terms []string) string { return strings.Join(terms, " ") }
