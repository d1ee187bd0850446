// Package chat has the types of a chat history and the rules that need no I/O: what makes an upload valid, how a
// re-send merges with the stored conversation, what a filter means. It knows no database, no HTTP and no embedder.
package chat

import (
	"slices"
	"time"
)

// WorkspaceID identifies a workspace in one database. Every function that touches a
// workspace's data takes it as an explicit argument.
type WorkspaceID int64

// DefaultWorkspace is the name of the workspace that the first start creates.
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

// ParseSender reads a role as clients write it: human or user; assistant, ai or model;
// system; tool. It returns false for any other role.
func ParseSender(role string) (Sender, bool) {
	switch role {
	case "human", "user":
		return Human, true
	case "assistant", "ai", "model":
		return Assistant, true
	case "system", "developer":
		return System, true
	case "tool", "function":
		return Tool, true
	}
	return "", false
}

// IndexState is the state of a conversation's index.
type IndexState string

// The index states. Queued and Indexing wait for work. Ready and Failed are final until
// the conversation changes.
const (
	Queued   IndexState = "queued"
	Indexing IndexState = "indexing"
	Ready    IndexState = "ready"
	Failed   IndexState = "failed"
	// Excluded answers an upload of a conversation that was deleted with the option to
	// refuse later uploads. No stored conversation has this state.
	Excluded IndexState = "excluded"
	// LeftDeleted answers a conversation in an imported file that was deleted here.
	LeftDeleted IndexState = "deleted"
)

// Conversation is one conversation without its messages. Times are UTC at microsecond
// precision, which both databases keep.
type Conversation struct {
	ID         ConversationID
	Platform   string // where it took place, as the caller named it
	ExternalID string // the caller's own id, unique within workspace and platform
	Title      string
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Pinned     bool
	Source     Source
	ImportID   string // the upload or import that created it
	// LastImportID is the upload or import that was the last to create or change it.
	LastImportID string
	Messages     int   // number of messages
	Tokens       int   // 0 until indexing has counted them
	Chunks       int   // number of passages that search can find
	Revision     int64 // increases with every change of indexed content
	IndexState   IndexState
	IndexError   string // why IndexState is Failed, or why indexing is retried
}

// Message is one message of a conversation.
type Message struct {
	ID         MessageID
	Position   int    // 0-based, without gaps
	ExternalID string // the caller's own id; empty when it gave none
	Sender     Sender
	Text       string
	CreatedAt  time.Time
	Inferred   bool     // CreatedAt is that of a neighbor or of the conversation, because the source gave none
	Branch     string   // the abandoned branch that it is on; empty on the active path
	Hidden     bool     // hidden by its platform: stored, but never indexed
	Files      []string // names of pictures and files that belong to it and are not stored
}

// Equal reports whether two messages have the same values.
func (m Message) Equal(other Message) bool {
	return m.indexedLike(other) && m.Inferred == other.Inferred && slices.Equal(m.Files, other.Files)
}

// indexedLike reports whether two messages differ at most in values that an index does not
// contain.
func (m Message) indexedLike(other Message) bool {
	return m.ID == other.ID && m.Position == other.Position && m.ExternalID == other.ExternalID && m.Sender == other.Sender &&
		m.Text == other.Text && m.CreatedAt.Equal(other.CreatedAt) && m.Branch == other.Branch && m.Hidden == other.Hidden
}

// Indexed reports whether search may find the message.
func (m Message) Indexed() bool {
	return m.Sender.Indexed() && !m.Hidden && m.Branch == "" && m.Text != ""
}

// Transcript is a conversation with its messages in order.
type Transcript struct {
	Conversation
	Turns []Message

	Sum UploadSum // of the upload that it is made of; zero when it is not known
}

// Import is one delivery of conversations: an API upload or an export file. Its status
// follows the index states of its conversations.
type Import struct {
	ID            string
	Kind          string // "upload"
	Platform      string // of its conversations, or SeveralPlatforms
	Status        ImportStatus
	Error         string // the first error when Status is ImportFailed; why it ended when State is StateFailed or StateStopped
	Conversations int    // number of conversations it delivered
	Messages      int    // how many of their messages were new or changed
	Ready         int    // how many of the conversations that it was the last to change search can find
	Pending       int    // how many wait for indexing
	Failed        int    // how many could not be indexed
	CreatedAt     time.Time

	ConversationID ConversationID // the conversation of an upload; empty for a file

	ImportJob
}

// SeveralPlatforms is the platform of an import with conversations of more than one
// platform.
const SeveralPlatforms = "several"

// ImportStatus is the state of an import.
type ImportStatus string

// The import statuses.
const (
	ImportQueued     ImportStatus = "queued"
	ImportProcessing ImportStatus = "processing"
	ImportReady      ImportStatus = "ready"
	ImportFailed     ImportStatus = "failed"
)

// Clock converts a time to the precision that both databases keep: microseconds, UTC.
func Clock(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
