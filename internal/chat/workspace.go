package chat

import "time"

// Workspace is a separate history: other workspaces never see any of it.
type Workspace struct {
	ID            WorkspaceID
	Name          string
	CreatedAt     time.Time
	Conversations int
}
