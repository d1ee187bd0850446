package chat

// The ids of what a workspace has. Lethe assigns them: each is a UUIDv7 in its canonical
// form. The types are distinct, so that an id of one kind cannot be passed for another.
type (
	ConversationID string // identifies a conversation
	MessageID      string // identifies a message
	ImportID       string // identifies an upload or an import of a file
	DeletionID     string // identifies the receipt of a delete
)
