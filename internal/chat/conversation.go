// Package chat holds the nouns of a chat history and the rules that need no
// I/O: what an upload must look like, how a re-send merges with what is stored,
// what a filter means. It knows no database, no HTTP and no embedder.
package chat

import (
	"time"

	"github.com/google/uuid"
)

// WorkspaceID names a workspace inside one database. It is an explicit argument
// of everything that touches a workspace's data.
type WorkspaceID int64

// DefaultWorkspace is the name of the workspace that a first start creates.
const DefaultWorkspace = "default"

// Sender says who wrote a message.
type Sender string

// The senders. System and tool messages are stored but not indexed.
const (
	Human     Sender = "human"
	Assistant Sender = "assistant"
	System    Sender = "system"
	Tool      Sender = "tool"
)

// Indexed reports whether messages of this sender can be found by search.
func (s Sender) Indexed() bool { return s == Human || s == Assistant }

// ParseSender reads a role as clients write it: human or user, assistant, ai or
// model, system, tool. It reports false for anything else.
func ParseSender(role string) (Sender, bool) {
	switch role {
	case "human", "user":
		return Human, true
	case "assistant", "ai", "model":
		return Assistant, true
	case "system":
		return System, true
	case "tool":
		return Tool, true
	}
	return "", false
}

// IndexState says how far a conversation's way into the search index is.
type IndexState string

// The index states. Queued and Indexing are work; Ready and Failed are ends,
// until the conversation changes.
const (
	Queued   IndexState = "queued"
	Indexing IndexState = "indexing"
	Ready    IndexState = "ready"
	Failed   IndexState = "failed"
	// Excluded is the answer to an upload of what was deleted with the wish that it
	// never comes back. Nothing stored is ever in this state.
	Excluded IndexState = "excluded"
	// LeftDeleted is the answer to an imported file's copy of what was deleted.
	LeftDeleted IndexState = "deleted"
)

// Conversation is one chat, without its messages. Times are UTC at microsecond
// precision, which both databases keep.
type Conversation struct {
	ID         string // UUIDv7, ours
	Platform   string // where it came from: the caller's provider name
	ExternalID string // the caller's own id, unique with workspace and platform
	Title      string
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Pinned     bool
	ImportID   string // the upload or import that created it
	Messages   int    // how many messages it has
	Tokens     int    // known once indexing has counted them, 0 before
	Chunks     int    // how many passages search can find
	Revision   int64  // raised by every change of what is indexed
	IndexState IndexState
	IndexError string // why IndexState is Failed, or why it is being retried
}

// Message is one turn of a conversation.
type Message struct {
	ID         string // UUIDv7, ours
	Position   int    // 0-based, without gaps
	ExternalID string // the caller's own id, empty when it gave none
	Sender     Sender
	Text       string
	CreatedAt  time.Time
	Branch     string // names the abandoned branch that it lies on, empty on the active path
	Hidden     bool   // hidden by its platform: stored, never indexed
}

// Indexed reports whether search may find the message.
func (m Message) Indexed() bool {
	return m.Sender.Indexed() && !m.Hidden && m.Branch == "" && m.Text != ""
}

// Transcript is a conversation with its messages in order.
type Transcript struct {
	Conversation
	Turns []Message
}

// Import is one delivery of conversations: an API upload or an export file.
// Its status is that of the conversations it brought.
type Import struct {
	ID            string
	Kind          string // "upload"
	Platform      string // of its conversations, or SeveralPlatforms
	Status        ImportStatus
	Error         string // the first reason, when Status is ImportFailed
	Conversations int    // how many it brought
	Messages      int    // how many of their messages were new or changed
	Ready         int    // of the conversations that it brought last: how many search can find
	Pending       int    // how many wait for indexing
	Failed        int    // how many indexing refused
	CreatedAt     time.Time

	ConversationID string // the only conversation that it is about; empty for a file
}

// SeveralPlatforms is the platform of an import that brought conversations of more
// than one.
const SeveralPlatforms = "several"

// ImportStatus says how far an import is.
type ImportStatus string

// The import statuses.
const (
	ImportQueued     ImportStatus = "queued"
	ImportProcessing ImportStatus = "processing"
	ImportReady      ImportStatus = "ready"
	ImportFailed     ImportStatus = "failed"
)

// NewID mints an id: a UUIDv7, so that ids sort by the time they were made.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseID returns the canonical form of one of our ids and whether s is one at
// all. Only the plain 36-character form counts, in either case.
func ParseID(s string) (string, bool) {
	if len(s) != 36 {
		return "", false
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return "", false
	}
	return id.String(), true
}

// Clock truncates a time to what both databases keep: microseconds, in UTC.
func Clock(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
