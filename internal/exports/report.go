package exports

import (
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// MaxProblems is how many problems of a member and how many files without conversations a
// report describes. The rest is counted.
const MaxProblems = 20

// Report says what was found in a source.
type Report struct {
	Members []MemberReport // with conversations, or with problems
	Notices []string       // what the person has to do
	Without []Without      // files without conversations, at most MaxProblems
	// WithoutCount is the number of files without conversations, those in Without included.
	WithoutCount int
}

// MemberReport says what was found in one file.
type MemberReport struct {
	Path          string
	Format        string // name of the format; empty if the file could not be opened
	Bytes         int64  // unpacked; -1 when unknown
	Conversations int    // handed over
	Older         int    // left out, because a newer or equal copy was handed over before
	Excluded      int    // left out by the options
	Warnings      map[format.Warning]int
	Problems      []Problem // at most MaxProblems
	ProblemCount  int
}

// Without is a file in which no format was recognised.
type Without struct {
	Path  string
	Found string // what it is, without any of its text
	Empty bool   // it is an empty list
}

// Problem is something that could not be read.
type Problem struct {
	Place format.Place
	Text  string // without text of messages
}

// Conversations returns the number of conversations that were handed over.
func (r *Report) Conversations() (n int) {
	for _, m := range r.Members {
		n += m.Conversations
	}
	return n
}

// Problems returns the number of problems of all members.
func (r *Report) Problems() (n int) {
	for _, m := range r.Members {
		n += m.ProblemCount
	}
	return n
}

// Warnings returns the warnings of all members together. Files without conversations are
// among them.
func (r *Report) Warnings() map[format.Warning]int {
	all := map[format.Warning]int{}
	for _, m := range r.Members {
		for w, n := range m.Warnings {
			all[w] += n
		}
	}
	if r.WithoutCount > 0 {
		all[format.NotConversations] += r.WithoutCount
	}
	return all
}

func (m *MemberReport) problem(place format.Place, err error) {
	m.ProblemCount++
	if len(m.Problems) < MaxProblems {
		m.Problems = append(m.Problems, Problem{Place: place, Text: text(err)})
	}
}

func (r *Report) without(w Without) {
	r.WithoutCount++
	if len(r.Without) < MaxProblems {
		r.Without = append(r.Without, w)
	}
}
