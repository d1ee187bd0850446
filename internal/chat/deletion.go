package chat

import (
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
)

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

// MatchingDelete is a delete by filter. The zero value is refused: it would be a
// filter that got lost.
type MatchingDelete struct {
	Filter        Filter // PinnedOnly asks for the pinned ones; Unpinned is not for callers to set
	All           bool   // everything; only without a filter
	IncludePinned bool   // pinned ones too, which are spared otherwise
	DryRun        bool   // only count
	Expected      *int   // how many there must be; nil for any number
	DeleteOptions
}

// Selection is the filter of what the delete would take. Invalid when it selects
// nothing in particular and does not say All, or says both, or has a blank title.
func (m MatchingDelete) Selection() (Filter, error) {
	f := m.Filter
	var found fault.Problems
	if f.Title != "" && strings.TrimSpace(f.Title) == "" { // it is in every title of two words
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

// Lift names conversations whose exclusion is to end. Only hashes of them are
// left, so they are told by the ids that they had, here or at their platform.
type Lift struct {
	IDs         []string // ours
	Platform    string   // of the ExternalIDs; empty for DefaultPlatform
	ExternalIDs []string
}
