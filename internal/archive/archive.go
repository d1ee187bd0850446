// Package archive writes and reads the file of an export of everything: one record a line, as
// JSON. Its lines of conversations are those of package lethe, with all ids. The package does
// not know where records are stored.
package archive

import (
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/history"
)

// Begins is how a file begins.
const Begins = `{"everything":`

// version is the version of the file. It rises when a file cannot be read by older programs.
const version = 1

// warning is in the header of each file, for people.
const warning = "This file has everything that Lethe keeps: every conversation, also hidden messages, the receipts of deletes, and tombstones, which are keyed hashes of the ids of deleted conversations. tombstoneKey is the key of these hashes: with it, anybody who knows the id of a conversation can tell whether it was deleted. Keep the file as you keep the database. Restore it with `lethe restore`."

// line is any line of the file. One field is set, or those of a conversation.
type line struct {
	Everything *header    `json:"everything,omitzero"`
	Workspace  *workspace `json:"workspace,omitzero"`
	Name       *name      `json:"platformName,omitzero"`
	Import     *record    `json:"import,omitzero"`
	Tombstone  *tombstone `json:"tombstone,omitzero"`
	Deletion   *deletion  `json:"deletion,omitzero"`
	End        *tally     `json:"end,omitzero"`
}

type header struct {
	Version      int       `json:"version"`
	FileID       string    `json:"fileId"`
	ExportedAt   time.Time `json:"exportedAt"`
	Warning      string    `json:"warning"`
	TombstoneKey []byte    `json:"tombstoneKey"`
	Workspaces   []string  `json:"workspaces"`
}

type workspace struct {
	Name      string    `json:"name,omitzero"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	Deleted   bool      `json:"deleted,omitzero"` // only its receipts are left
}

type name struct {
	Platform    string `json:"platform"`
	DisplayName string `json:"displayName"`
}

type record struct {
	ID             string              `json:"id"`
	Kind           string              `json:"kind"`
	Platform       string              `json:"platform,omitzero"`
	Platforms      []string            `json:"platforms,omitempty"`
	CreatedAt      time.Time           `json:"createdAt"`
	EndedAt        time.Time           `json:"endedAt,omitzero"`
	State          chat.ImportState    `json:"state"`
	Reason         string              `json:"reason,omitzero"`
	ConversationID chat.ConversationID `json:"conversationId,omitzero"`
	Conversations  int                 `json:"conversations"`
	Messages       int                 `json:"messages"`
	FileName       string              `json:"fileName,omitzero"`
	FileSize       int64               `json:"fileSize,omitzero"`
	Format         string              `json:"format,omitzero"`
	BytesRead      int64               `json:"bytesRead,omitzero"`
	Part           int                 `json:"part,omitzero"`
	Restores       bool                `json:"restoreDeleted,omitzero"`
	Counts         counts              `json:"counts"`
	Report         chat.ImportReport   `json:"report,omitzero"`
}

type counts struct {
	New       int `json:"new,omitzero"`
	Updated   int `json:"updated,omitzero"`
	Unchanged int `json:"unchanged,omitzero"`
	Deleted   int `json:"deleted,omitzero"`
	Excluded  int `json:"excluded,omitzero"`
	Skipped   int `json:"skipped,omitzero"`
	Failed    int `json:"failed,omitzero"`
}

type tombstone struct {
	ExternalHash     []byte          `json:"externalHash"`
	ConversationHash []byte          `json:"conversationHash"`
	DeletionID       chat.DeletionID `json:"deletionId"`
	Excluded         bool            `json:"excluded,omitzero"`
	SealedPlace      *int64          `json:"sealedPlace,omitzero"`
}

type deletion struct {
	ID            chat.DeletionID `json:"id"`
	DeletedAt     time.Time       `json:"deletedAt"`
	KeyID         string          `json:"keyId"`
	Conversations int             `json:"conversations"`
	Messages      int             `json:"messages"`
	Passages      int             `json:"passages"`
	Vectors       int             `json:"vectors"`
	ReclaimedAt   *time.Time      `json:"reclaimedAt,omitzero"`
}

type tally struct {
	Workspaces    int `json:"workspaces"`
	Conversations int `json:"conversations"`
	Messages      int `json:"messages"`
	Imports       int `json:"imports"`
	Tombstones    int `json:"tombstones"`
	Deletions     int `json:"deletions"`
}

// read is a line as it is read.
type read struct {
	line
	lethe.Stored
}

func importLine(i *chat.Import) *record {
	return &record{
		ID: i.ID, Kind: i.Kind, Platform: i.Platform, Platforms: i.Platforms, CreatedAt: i.CreatedAt, EndedAt: i.EndedAt,
		State: i.State, Reason: i.Error, ConversationID: i.ConversationID, Conversations: i.Conversations, Messages: i.Messages,
		FileName: i.FileName, FileSize: i.FileSize, Format: i.Format, BytesRead: i.BytesRead, Part: i.Part, Restores: i.Restores,
		Counts: counts{i.Counts.New, i.Counts.Updated, i.Counts.Unchanged, i.Counts.LeftDeleted, i.Counts.Excluded, i.Counts.Skipped, i.Counts.Failed},
		Report: i.Report,
	}
}

func (r *record) record() *chat.Import {
	c := r.Counts
	return &chat.Import{
		ID: r.ID, Kind: r.Kind, Platform: r.Platform, CreatedAt: r.CreatedAt, Error: r.Reason, ConversationID: r.ConversationID,
		Conversations: r.Conversations, Messages: r.Messages,
		ImportJob: chat.ImportJob{
			State: r.State, Platforms: r.Platforms, FileName: r.FileName, FileSize: r.FileSize, Format: r.Format, BytesRead: r.BytesRead,
			EndedAt: r.EndedAt, Part: r.Part, Restores: r.Restores, Report: r.Report,
			Counts: chat.ImportCounts{New: c.New, Updated: c.Updated, Unchanged: c.Unchanged, LeftDeleted: c.Deleted, Excluded: c.Excluded, Skipped: c.Skipped, Failed: c.Failed},
		},
	}
}

func (t *tombstone) record() *chat.Tombstone {
	return &chat.Tombstone{ExternalHash: t.ExternalHash, ConversationHash: t.ConversationHash, DeletionID: t.DeletionID, Excluded: t.Excluded, SealedPlace: t.SealedPlace}
}

func deletionLine(d *chat.Deletion) *deletion {
	return &deletion{d.ID, d.DeletedAt, d.KeyID, d.Conversations, d.Messages, d.Chunks, d.Embeddings, d.ReclaimedAt}
}

func (d *deletion) record() *chat.Deletion {
	return &chat.Deletion{
		ID: d.ID, DeletedAt: d.DeletedAt, KeyID: d.KeyID, Conversations: d.Conversations, Messages: d.Messages,
		Chunks: d.Passages, Embeddings: d.Vectors, ReclaimedAt: d.ReclaimedAt,
	}
}

func spaceLine(w *history.RecordedSpace) *workspace {
	return &workspace{Name: w.Name, CreatedAt: w.CreatedAt, Deleted: w.Name == ""}
}
