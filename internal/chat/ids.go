package chat

import "github.com/google/uuid"

// The ids of what a workspace has. Lethe assigns them: each is a UUIDv7 in its canonical
// form. The types are distinct, so that an id of one kind cannot be passed for another.
type (
	ConversationID string // identifies a conversation
	MessageID      string // identifies a message
	ImportID       string // identifies an upload or an import of a file
	DeletionID     string // identifies the receipt of a delete
)

// NewID returns a new UUIDv7, for an id of any kind. Such ids sort by the time they were created.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// ParseID returns the canonical form of an id that Lethe assigned, and whether s has
// the form of one. Only the plain 36-character form is accepted, in either case.
func ParseID[ID ~string](s ID) (ID, bool) {
	if len(s) != 36 {
		return "", false
	}
	id, err := uuid.Parse(string(s))
	if err != nil {
		return "", false
	}
	return ID(id.String()), true
}
