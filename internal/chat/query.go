package chat

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Filter selects conversations of one workspace. The zero value selects all.
type Filter struct {
	Platform   string    // exact; empty for all
	Title      string    // part of the title, case-insensitive; empty for all
	From       time.Time // created at or after; zero for no bound
	Before     time.Time // created before; zero for no bound
	PinnedOnly bool
	Unpinned   bool   // only those that are not pinned
	ImportID   string // created by this import; empty for all
}

// SelectsAll reports whether the filter asks for nothing in particular. Sparing
// the pinned ones is no choice of what else to take.
func (f Filter) SelectsAll() bool {
	f.Unpinned = false
	return f == Filter{}
}

// PassesNothing reports whether no conversation can pass the filter, because it
// asks for what none can have: a platform, a title or an import of a form that is
// never stored.
func (f Filter) PassesNothing() bool {
	_, isID := ParseID(f.ImportID)
	return (f.Platform != "" && !platformPattern.MatchString(f.Platform)) ||
		(f.ImportID != "" && !isID) ||
		utf8.RuneCountInString(f.Title) > MaxTitleRunes || !utf8.ValidString(f.Title) || strings.Contains(f.Title, "\x00")
}

// Limits of a listing (MemoryPlugin, "List conversations"). Larger page sizes
// are clamped, not refused.
const (
	DefaultPageSize = 25
	MaxPageSize     = 100
)

// ListQuery is one page of a filtered listing, newest UpdatedAt first.
type ListQuery struct {
	Filter
	Page     int // 1-based
	PageSize int
}

// Page is the answer to a ListQuery.
type Page struct {
	Items    []Conversation
	Page     int
	PageSize int
	Total    int
}

// TotalPages is how many pages the listing has at this page size.
func (p Page) TotalPages() int {
	if p.PageSize <= 0 {
		return 0
	}
	return (p.Total + p.PageSize - 1) / p.PageSize
}

// Edit changes what a user may change of a conversation; nil leaves it alone.
type Edit struct {
	Title  *string
	Pinned *bool
}

// Stats sums up a workspace.
type Stats struct {
	Conversations int
	Messages      int
	Tokens        int
	Chunks        int
	Embeddings    int
	Unreadable    int // chunks that their model cannot read, and which so have no vector
	Pinned        int
	Platforms     []PlatformStats
	Months        []MonthStats
	Backlog       Backlog
	VectorSearch  VectorSearch
	Embedding     Embedding
}

// Embedding says how far the indexed conversations are with the current model.
// Those that are behind can be found by their words, as ever, but by meaning only
// once they are embedded again.
type Embedding struct {
	Model   string // the current model's id; empty until a service has started
	Pending int    // conversations to be indexed anew, because the model or Lethe's way of cutting texts is another
	Failed  int    // those of them that were given up until the next start or change; Pending is without them
	Unused  int    // vectors of other models, which no search sees

	Lost *LostLeg // the search by meaning, while the embedder does not answer queries; else nil
}

// LostLeg says since when a part of search does not answer, and why.
type LostLeg struct {
	Since  time.Time
	Reason string // for clients to read
}

// VectorSearch says how a workspace's vectors are searched.
type VectorSearch string

// The ways of searching vectors. Answers are right in all of them; Building and
// Waiting are slower than they will be.
const (
	VectorsExact    VectorSearch = "exact"    // few enough to compare one by one
	VectorsIndexed  VectorSearch = "indexed"  // by an index of the workspace's own
	VectorsBuilding VectorSearch = "building" // exact, while its index is being built
	VectorsWaiting  VectorSearch = "waiting"  // exact, until somebody builds its index
)

// PlatformStats is the part of Stats that one platform has.
type PlatformStats struct {
	Platform      string
	DisplayName   string // empty when no upload ever gave one
	Conversations int
	Messages      int
}

// MonthStats counts the conversations created in one month (UTC).
type MonthStats struct {
	Month         string // "2006-01"
	Conversations int
}

// Backlog is how much indexing is left, by state.
type Backlog struct {
	Queued   int
	Indexing int
	Failed   int
}

// RecallTurn is a turn of the conversation that a digest is asked for.
type RecallTurn struct {
	Sender Sender
	Text   string
}
