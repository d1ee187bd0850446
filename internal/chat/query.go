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
	Archived   *bool  // true: archived at its source; false: not archived, or the source does not say; nil for all
	Starred    *bool  // like Archived
	Project    string // exact; empty for all
}

// SelectsAll reports whether the filter selects every conversation. Conditions that only spare pinned, archived or
// starred conversations do not count.
func (f Filter) SelectsAll() bool {
	f.Unpinned = false
	if f.Archived != nil && !*f.Archived {
		f.Archived = nil
	}
	if f.Starred != nil && !*f.Starred {
		f.Starred = nil
	}
	return f == Filter{}
}

// PassesNothing reports whether no conversation can match the filter, because its
// platform, title or import id has a form that is never stored.
func (f Filter) PassesNothing() bool {
	_, isID := ParseID(f.ImportID)
	return (f.Platform != "" && !platformPattern.MatchString(f.Platform)) ||
		(f.ImportID != "" && !isID) ||
		f.Project != CleanProject(f.Project) ||
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

// Page is one page of a listing: of conversations, imports or receipts.
type Page[T any] struct {
	Items    []T
	Page     int
	PageSize int
	Total    int
}

// TotalPages is how many pages the listing has at this page size.
func (p Page[T]) TotalPages() int {
	if p.PageSize <= 0 {
		return 0
	}
	return (p.Total + p.PageSize - 1) / p.PageSize
}

// Edit changes the values of a conversation that a user may change; nil means no change.
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
	Unreadable    int // chunks without a vector, because the model cannot read them
	Pinned        int
	Platforms     []PlatformStats
	Months        []MonthStats
	Backlog       Backlog
	VectorSearch  VectorSearch
	Embedding     Embedding
}

// Embedding says how many of the indexed conversations have vectors of the current
// model. The others can be found by words, but by meaning only after they are embedded
// again.
type Embedding struct {
	Model   string // the current model's id; empty until a service has started
	Pending int    // conversations to re-index, because the model, the analyzer or the chunker changed
	Failed  int    // conversations whose re-indexing was given up until the next start or change; not in Pending
	Unused  int    // vectors of other models, which no search uses

	Lost *LostLeg // set while the embedder does not answer queries, so that search by meaning is unavailable
}

// LostLeg says since when a leg of search is unavailable, and why.
type LostLeg struct {
	Since  time.Time
	Reason string // may be shown to clients
}

// VectorSearch says how a workspace's vectors are searched.
type VectorSearch string

// The ways to search vectors. Results are correct with all of them. Searches are slower
// while the way is Building or Waiting.
const (
	VectorsExact    VectorSearch = "exact"    // few enough to compare one by one
	VectorsIndexed  VectorSearch = "indexed"  // the workspace has its own index
	VectorsBuilding VectorSearch = "building" // exact while the index is being built
	VectorsWaiting  VectorSearch = "waiting"  // exact until a program builds the index
)

// PlatformStats counts the conversations and messages of one platform.
type PlatformStats struct {
	Platform      string
	DisplayName   string // empty when no upload gave one
	Conversations int
	Messages      int
}

// MonthStats counts the conversations created in one month (UTC).
type MonthStats struct {
	Month         string // "2006-01"
	Conversations int
}

// Backlog counts the conversations that are not indexed, by state.
type Backlog struct {
	Queued   int
	Indexing int
	Failed   int
}

// RecallTurn is a message of the conversation for which a digest is requested.
type RecallTurn struct {
	Sender Sender
	Text   string
}
