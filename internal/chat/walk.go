package chat

import (
	"slices"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Limits of a walk, from Fini's "List conversations" page. Larger page sizes are reduced
// to MaxWalkSize, not refused. MaxSources is Lethe's own.
const (
	DefaultWalkSize   = 50
	MaxWalkSize       = 100
	DefaultWalkWindow = 7 * 24 * time.Hour
	MaxWalkWindow     = 90 * 24 * time.Hour
	MaxSources        = 100
)

// WalkQuery asks for one page of a walk through the conversations of a workspace, last
// changed first. The zero value is the first page of the last week.
type WalkQuery struct {
	Since    time.Time      // changed at or after; zero for DefaultWalkWindow before Until
	Until    time.Time      // changed at or before, to the millisecond; zero for now
	Size     int            // maximum number of conversations; 0 for DefaultWalkSize
	Cursor   ConversationID // the id of the conversation to continue from; empty for the beginning
	Newer    bool           // walk from the cursor to newer conversations instead of older ones
	Sources  []string       // platforms, any of them; empty for all
	Channels []string       // any of them; empty for all. Every conversation has the channel Channel
	AgentID  string         // no conversation has an agent, so any value matches nothing
}

// Channel is the channel of every conversation (Fini, "List conversations").
const Channel = "chat"

// MatchesNothing reports whether the query filters by what no conversation has.
func (q WalkQuery) MatchesNothing() bool {
	return q.AgentID != "" || len(q.Channels) > 0 && !slices.Contains(q.Channels, Channel)
}

// WalkPage is the answer to a WalkQuery.
type WalkPage struct {
	Items []Transcript   // newest first, in both directions
	More  bool           // whether there are more in the direction of the walk
	Older ConversationID // the cursor for older conversations: the last id; empty when there are none
	Newer ConversationID // the cursor for newer conversations: the first id; empty when there are none
}

// Window is a range of times of last change, and the platforms to include.
type Window struct {
	From    time.Time // at or after
	Before  time.Time // before
	Sources []string  // empty for all
}

// Window checks the query's bounds and fills in missing ones. It returns Invalid when
// the window is empty or longer than MaxWalkWindow, or when there are more than
// MaxSources sources.
func (q WalkQuery) Window(now time.Time) (Window, error) {
	until := q.Until
	if until.IsZero() {
		until = now
	}
	since := q.Since
	if since.IsZero() {
		since = until.Add(-DefaultWalkWindow)
	}
	var found fault.Problems
	switch {
	case !since.Before(until):
		found.Add(fault.At("since"), "must be before %s", fault.At("until"))
	case until.Sub(since) > MaxWalkWindow:
		found.Add(fault.At("since"), "and %s may be at most %d days apart; ask for one part after the other", fault.At("until"), MaxWalkWindow/(24*time.Hour))
	}
	sources := slices.Compact(slices.Sorted(slices.Values(q.Sources)))
	if len(sources) > MaxSources {
		found.Add(fault.At("sources"), "may name at most %d platforms", MaxSources)
	}
	if err := found.Err(); err != nil {
		return Window{}, err
	}
	// Wire times have milliseconds, and the window includes until, so it includes the
	// whole last millisecond.
	return Window{From: since, Before: until.Truncate(time.Millisecond).Add(time.Millisecond), Sources: sources}, nil
}

// PassesNothing reports whether no conversation can be in the window, because no source
// has the form of a stored platform.
func (w Window) PassesNothing() bool { return len(w.Sources) > 0 && len(w.Platforms()) == 0 }

// Platforms returns the sources that have the form of a stored platform.
func (w Window) Platforms() []string {
	return slices.DeleteFunc(slices.Clone(w.Sources), func(s string) bool { return !platformPattern.MatchString(s) })
}

// Place is the position of a conversation in the order of a walk: by its last change,
// then by its id. A place stays valid after its conversation was deleted.
type Place struct {
	At time.Time
	ID ConversationID // canonical
}

// PlaceOf returns the place of a conversation.
func PlaceOf(c Conversation) Place { return Place{At: c.UpdatedAt, ID: c.ID} }

// nobody is an id that sorts before all others.
const nobody = "00000000-0000-0000-0000-000000000000"

// Edge returns the place between conversations changed before t and those changed at t
// or later.
func Edge(t time.Time) Place { return Place{At: t, ID: nobody} }

// latestPlace is later than any conversation can be.
var latestPlace = time.Date(latestYear+1, 1, 1, 0, 0, 0, 0, time.UTC)

// maxEpochMillis is the last millisecond that a conversation can have.
var maxEpochMillis = latestPlace.UnixMilli() - 1

// FromEpochMillis converts milliseconds since 1970 to a time. It returns false for times
// that a conversation cannot have.
func FromEpochMillis(ms int64) (time.Time, bool) {
	if ms < 0 || ms > maxEpochMillis {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}
