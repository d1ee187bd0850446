package chat

import (
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Deletion is the receipt of a delete: how much was deleted, when, and with which key. It contains no text, no title
// and no id of a deleted conversation.
type Deletion struct {
	ID            DeletionID
	DeletedAt     time.Time
	KeyID         string
	Conversations int
	Messages      int
	Chunks        int
	Embeddings    int
	ReclaimedAt   *time.Time // when the storage of the deleted data was reclaimed; nil until then
}

// OfMessages reports whether single messages were deleted and their conversation stayed.
func (d Deletion) OfMessages() bool { return d.Conversations == 0 && d.Messages > 0 }

// DeleteOptions are the options that every kind of delete has.
type DeleteOptions struct {
	KeyID   string // the key of the caller
	Exclude bool   // refuse later uploads of these conversations, until the exclusion is lifted
}

// MatchingDelete is a delete by filter. The zero value is refused, because an empty filter is more likely a mistake
// than a request to delete everything.
type MatchingDelete struct {
	Filter        Filter // PinnedOnly selects the pinned ones; callers must not set Unpinned
	All           bool   // delete everything; only without a filter
	IncludePinned bool   // delete pinned conversations too
	DryRun        bool   // only count
	Expected      *int   // how many conversations must match; nil for any number
	DeleteOptions
}

// Selection returns the filter of the conversations to delete. It returns Invalid when
// there is neither a filter nor All, when there are both, or when the title is blank.
func (m MatchingDelete) Selection() (Filter, error) {
	f := m.Filter
	var found fault.Problems
	if f.Title != "" && strings.TrimSpace(f.Title) == "" { // it would match every title of two words
		found.Add(fault.At("filter").Field("title"), "must not be blank")
	}
	switch {
	case f.SelectsAll() && !m.All:
		found.Add(fault.At("filter"), "selects nothing in particular; give one, or say %s to delete every conversation", fault.At("all"))
	case !f.SelectsAll() && m.All:
		found.Add(fault.At("filter"), "and %s cannot both be given: it is unclear which of them you mean", fault.At("all"))
	}
	if err := found.Err(); err != nil {
		return Filter{}, err
	}
	f.Unpinned = !m.IncludePinned && !f.PinnedOnly
	return f, nil
}

// Lift names conversations whose exclusion is to be lifted, and of which messages that were
// deleted one by one may be uploaded again. Only hashes of them are stored, so the caller names them by the ids they had, in Lethe or on their platform.
type Lift struct {
	IDs         []ConversationID
	Platform    string // of the ExternalIDs; empty for DefaultPlatform
	ExternalIDs []string
}

// Lifted is what a lift allows again.
type Lifted struct {
	Conversations int // that were excluded
	Messages      int // that had been deleted one by one
}
