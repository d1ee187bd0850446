package store

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// The rows here are the tables that only portable statements use; the others are in
// package dialect. Rows never leave the store: the functions here convert them to the
// types of package chat and back.

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
	SenderStyle string
	CreatedAt   int64 `gorm:"autoCreateTime:false"`
	LastUsedAt  *int64
	RevokedAt   *int64

	WorkspaceName string `gorm:"->"` // from a join
}

func (keyRow) TableName() string { return "api_keys" }

func (r keyRow) key() auth.Key {
	scopes, _ := auth.ParseScopes(r.Scopes) // unreadable scopes allow nothing
	k := auth.Key{
		ID: r.ID, Workspace: chat.WorkspaceID(r.WorkspaceID), WorkspaceName: r.WorkspaceName,
		Name: r.Name, Prefix: r.Prefix, Scopes: scopes, SenderStyle: auth.SenderStyle(r.SenderStyle), CreatedAt: dialect.FromMicros(r.CreatedAt),
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

	ConversationID *chat.ConversationID // the conversation of an upload; null for an imported file

	// Of the work of an import (chat.ImportJob).
	State          string
	Reason         string
	Platforms      string
	FileName       string
	FileSize       int64
	Format         string
	BytesRead      int64
	NewCount       int
	UpdatedCount   int
	UnchangedCount int
	DeletedCount   int
	ExcludedCount  int
	FailedCount    int
	Report         string
	Restores       bool
	Part           int
	Holder         int64
	SeenAt         int64
	EndedAt        *int64
}

func (importRow) TableName() string { return "imports" }

func conversationOf(r dialect.ConversationRow) chat.Conversation {
	return chat.Conversation{
		ID: r.ID, Platform: r.Platform, ExternalID: r.ExternalID, Title: r.Title,
		CreatedAt: dialect.FromMicros(r.CreatedAt), UpdatedAt: dialect.FromMicros(r.UpdatedAt), Pinned: r.Pinned,
		Source:   chat.Source{Archived: r.Archived, Starred: r.Starred, Project: r.Project, Link: r.Link},
		ImportID: r.ImportID, LastImportID: r.LastImportID, Messages: r.MessageCount, Tokens: r.TokenCount, Chunks: r.ChunkCount,
		Revision: r.Revision, IndexState: chat.IndexState(r.IndexState), IndexError: r.IndexError,
	}
}

func messageOf(r dialect.MessageRow) chat.Message {
	return chat.Message{
		ID: r.ID, Position: r.Position, ExternalID: r.ExternalID, Sender: chat.Sender(r.Sender),
		Text: r.Text, CreatedAt: dialect.FromMicros(r.CreatedAt), Branch: r.Branch, Hidden: r.Hidden,
		Inferred: r.Inferred, Files: namesOf(r.Files),
	}
}

// listed is a list of names as a column keeps it; namesOf is the inverse.
func listed(names []string) string {
	if len(names) == 0 {
		return ""
	}
	list, _ := json.Marshal(names) // strings always marshal
	return string(list)
}

func namesOf(list string) (names []string) {
	if list == "" {
		return nil
	}
	_ = json.Unmarshal([]byte(list), &names) // only listed writes this column
	return names
}

func newMessageRow(ws chat.WorkspaceID, conversation chat.ConversationID, m chat.Message) dialect.MessageRow {
	return dialect.MessageRow{
		WorkspaceID: int64(ws), ConversationID: conversation, Position: m.Position, ID: m.ID,
		ExternalID: m.ExternalID, Sender: string(m.Sender), Text: m.Text, CreatedAt: dialect.Micros(m.CreatedAt),
		Branch: m.Branch, Hidden: m.Hidden, Inferred: m.Inferred, Files: listed(m.Files),
	}
}

// termPrefix is the prefix of every term of a workspace in the full-text index. The colon
// distinguishes workspace 1 from 12.
func termPrefix(ws chat.WorkspaceID) string { return strconv.FormatInt(int64(ws), 36) + ":" }

// prefixed adds the workspace's prefix to terms, so that the full-text index has a list
// for each word and workspace.
func prefixed(ws chat.WorkspaceID, terms []string) []string {
	label := termPrefix(ws)
	out := make([]string, len(terms))
	for i, t := range terms {
		out[i] = label + t
	}
	return out
}

func joinTerms(terms []string) string { return strings.Join(terms, " ") }
