package chat

import "time"

// Workspace is a history of its own: nothing of it is ever visible in another.
type Workspace struct {
	ID            WorkspaceID
	Name          string
	CreatedAt     time.Time
	Conversations int
}
