package chat

import "fmt"

// Seen is a conversation and its revision when the caller last read it.
type Seen struct {
	ID       ConversationID
	Revision int64
}

// UnchangedDelete is a delete of conversations that must not have changed since the
// caller read them.
type UnchangedDelete struct {
	Seen          []Seen
	IncludePinned bool // if false, a conversation that is now pinned counts as changed
	DeleteOptions
}

// ChangedError is the cause of a Conflict: some conversations have changed since the
// caller read them. Its text contains no title, so it may be logged.
type ChangedError struct {
	Of      int            // how many conversations the caller named
	Changed []Conversation // at least one, in the order of the request; only ids, revisions, titles and pins are set
}

// Error says how many conversations have changed.
func (e *ChangedError) Error() string {
	if len(e.Changed) == 1 {
		return fmt.Sprintf("1 of the %d conversations has changed since it was exported", e.Of)
	}
	return fmt.Sprintf("%d of the %d conversations have changed since they were exported", len(e.Changed), e.Of)
}
