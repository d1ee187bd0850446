package chat

import "time"

// Deletion is the receipt of a delete: what went, when, and by whose key. It
// holds no text, no title and no id of what was deleted.
type Deletion struct {
	ID            string // UUIDv7
	DeletedAt     time.Time
	KeyID         string
	Conversations int
	Messages      int
	Chunks        int
	Embeddings    int
	ReclaimedAt   *time.Time // when nothing of it was left in the storage; nil until then
}

// DeleteOptions are what a delete may be told besides the ids.
type DeleteOptions struct {
	KeyID   string // whose key asked for it
	Exclude bool   // refuse later uploads of these conversations, until that is lifted
}
