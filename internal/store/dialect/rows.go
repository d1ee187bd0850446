package dialect

import (
	"time"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
)

// The rows are the tables of the migrations, column by column. They are used only by the
// store and the packages below it. Times are microseconds since 1970.

// ConversationRow is a row of conversations.
type ConversationRow struct {
	WorkspaceID     int64
	ID              chat.ConversationID
	Platform        string
	ExternalID      string
	Title           string
	TitleFolded     string
	CreatedAt       int64 `gorm:"autoCreateTime:false"`
	UpdatedAt       int64 `gorm:"autoUpdateTime:false"`
	Pinned          bool
	ImportID        string // the import that created it
	LastImportID    string // the import that sent it last
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
	Holder          int64
	Archived        *bool // null when the source does not say
	Starred         *bool // null when the source does not say
	Project         string
	Link            string
	Delivered       []byte // keyed hash of what an import sent last; null when something else changed it since
}

// TableName is the table of the row.
func (ConversationRow) TableName() string { return "conversations" }

// MessageRow is a row of messages.
type MessageRow struct {
	WorkspaceID    int64
	ConversationID chat.ConversationID
	Position       int
	ID             chat.MessageID
	ExternalID     string
	Sender         string
	Text           string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	Branch         string
	Hidden         bool
	Inferred       bool
	Files          string // a JSON list of names; empty when there are none
}

// TableName is the table of the row.
func (MessageRow) TableName() string { return "messages" }

// ChunkRow is a row of chunks.
type ChunkRow struct {
	WorkspaceID    int64
	ConversationID chat.ConversationID
	Position       int
	FirstMessage   int
	LastMessage    int
	Parts          []byte // which stretches of messages it quotes; empty when that is not known yet
	TextSum        int64  // TextSum of its text
	TermCount      int
	UnreadableBy   string

	// Terms are for the full-text index: joined by blanks, each after the label of its
	// workspace. They are written with the row, and never read.
	Terms string `gorm:"-"`
}

// TableName is the table of the row.
func (ChunkRow) TableName() string { return "chunks" }

// EmbeddingRow is a row of embeddings, except for its vector, which each database
// keeps in its own way.
type EmbeddingRow struct {
	WorkspaceID    int64
	ConversationID chat.ConversationID
	Position       int
	Model          string
	Dimensions     int
	Vector         []float32 `gorm:"-"`
}

// TableName is the table of the row.
func (EmbeddingRow) TableName() string { return "embeddings" }

// ClaimRow is what a claim returns of a conversation.
type ClaimRow struct {
	WorkspaceID int64
	ID          chat.ConversationID
	Revision    int64
	Attempts    int
	RecipeID    int64

	IndexedRevision int64
}

// How many rows one INSERT carries. Messages have twelve values each, far below the
// 32,766 that SQLite binds.
const (
	MessageBatch = 200
	ChunkBatch   = 100
)

// InsertInBatches inserts rows, batch rows per statement.
func InsertInBatches[R any](db *gorm.DB, rows []R, batch int) error {
	if len(rows) == 0 {
		return nil
	}
	return db.CreateInBatches(rows, batch).Error
}

// Micros returns a time as it is stored.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros is the inverse of Micros.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
