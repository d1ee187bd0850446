package chat

import (
	"slices"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Limits of a walk (Fini, "List conversations"). Larger page sizes are clamped,
// not refused; MaxSources is ours.
const (
	DefaultWalkSize   = 50
	MaxWalkSize       = 100
	DefaultWalkWindow = 7 * 24 * time.Hour
	MaxWalkWindow     = 90 * 24 * time.Hour
	MaxSources        = 100
)

// WalkQuery is one step of a walk through the conversations of a workspace, the
// one changed last first. The zero value is the first page of the last week.
type WalkQuery struct {
	Since    time.Time // changed at or after; zero for DefaultWalkWindow before Until
	Until    time.Time // changed at or before, to the millisecond; zero for now
	Size     int       // how many at most; 0 for DefaultWalkSize
	Cursor   string    // the id of the conversation to go on from; empty for the beginning
	Newer    bool      // from the cursor towards newer ones, instead of older ones
	Sources  []string  // platforms, any of them; empty for all
	Channels []string  // no conversation has one, so any finds nothing
	AgentID  string    // no conversation has one, so any finds nothing
}

// WalkPage is the answer to a WalkQuery.
type WalkPage struct {
	Items []Transcript // newest first, whichever way the walk goes
	More  bool         // whether there is more in the direction of the walk
	Older string       // the cursor for what is older: the id of the last one; empty when nothing is
	Newer string       // the cursor for what is newer: the id of the first one; empty when nothing is
}

// Window is a range of times of last change, and the platforms that count.
type Window struct {
	From    time.Time // at or after
	Before  time.Time // before
	Sources []string  // empty for all
}

// Window checks the query's bounds and fills in what it left out. It returns
// Invalid when the window is empty or longer than MaxWalkWindow, or when there
// are more than MaxSources sources.
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
	// The wire has milliseconds and until belongs to the window, so all of its
	// last millisecond does.
	return Window{From: since, Before: until.Truncate(time.Millisecond).Add(time.Millisecond), Sources: sources}, nil
}

// PassesNothing reports whether no conversation can be in the window, because
// what is asked for is of a form that is never stored.
func (w Window) PassesNothing() bool { return len(w.Sources) > 0 && len(w.Platforms()) == 0 }

// Platforms are the sources that a conversation can have.
func (w Window) Platforms() []string {
	return slices.DeleteFunc(slices.Clone(w.Sources), func(s string) bool { return !platformPattern.MatchString(s) })
}

// Place is where a conversation stands in the order of a walk: by its last
// change, then by its id. A place needs no conversation to stand there.
type Place struct {
	At time.Time
	ID string // canonical
}

// PlaceOf is where a conversation stands.
func PlaceOf(c Conversation) Place { return Place{At: c.UpdatedAt, ID: c.ID} }

// nobody is an id before all others.
const nobody = "00000000-0000-0000-0000-000000000000"

// Edge is the place between what changed before t and what changed at or after t.
func Edge(t time.Time) Place { return Place{At: t, ID: nobody} }

// latestPlace bounds the times of places: that of no conversation is as late.
var latestPlace = time.Date(latestYear+1, 1, 1, 0, 0, 0, 0, time.UTC)

// maxEpochMillis is the last millisecond that a conversation can have.
var maxEpochMillis = latestPlace.UnixMilli() - 1

// FromEpochMillis turns milliseconds since 1970 into a time; false beyond the
// years that a conversation can have.
func FromEpochMillis(ms int64) (time.Time, bool) {
	if ms < 0 || ms > maxEpochMillis {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}
