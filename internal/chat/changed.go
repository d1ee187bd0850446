package chat

import "fmt"

// Seen is a conversation at the revision at which a caller last read it.
type Seen struct {
	ID       string
	Revision int64
}

// UnchangedDelete is a delete of conversations that must still be as the caller
// read them.
type UnchangedDelete struct {
	Seen          []Seen
	IncludePinned bool // without it, a conversation that is pinned by now counts as changed
	DeleteOptions
}

// ChangedError is the cause of a Conflict: conversations that are not as the
// caller read them. Its text names no title, so that it may be logged.
type ChangedError struct {
	Of      int            // how many the caller named
	Changed []Conversation // at least one, in the order of the request; their ids, revisions, titles and pins alone
}

// Error says how many have changed.
func (e *ChangedError) Error() string {
	if len(e.Changed) == 1 {
		return fmt.Sprintf("1 of the %d conversations has changed since it was exported", e.Of)
	}
	return fmt.Sprintf("%d of the %d conversations have changed since they were exported", len(e.Changed), e.Of)
}
