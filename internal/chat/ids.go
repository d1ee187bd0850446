package chat

import "github.com/google/uuid"

// ConversationID identifies a conversation. Like the other ids of what a workspace has, it is
// assigned by Lethe: a UUIDv7 in its canonical form. The types are distinct, so that an id of
// one kind cannot be passed for another.
type ConversationID string

// MessageID identifies a message.
type MessageID string

// DeletionID identifies the receipt of a delete.
type DeletionID string

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
