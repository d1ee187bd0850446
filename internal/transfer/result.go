package transfer

import (
	"cmp"
	"slices"
	"sync"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Result is what became of an import.
type Result struct {
	ImportID string    `json:"importId"`
	State    string    `json:"state"` // done, failed or stopped
	Bytes    int64     `json:"bytes"`
	Counts   Counts    `json:"counts"`
	Files    []File    `json:"files"`
	Warnings []Warning `json:"warnings"`
	// Problems are the first MaxProblems of what could not be read or stored.
	Problems     []Problem `json:"problems"`
	ProblemCount int       `json:"problemCount"`
	Notes        []string  `json:"notes"` // what the person who imports has to do
	// Without is the number of files without conversations.
	Without int `json:"filesWithoutConversations"`
	Indexed int `json:"indexed"` // of the new and updated conversations

	mu      sync.Mutex
	members []exports.MemberReport
	first   []exports.Without
	warned  map[string]int
}

// Counts are conversations by what became of them.
type Counts struct {
	New       int `json:"new"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Deleted   int `json:"deleted"`  // were deleted before, and stay so
	Excluded  int `json:"excluded"` // were deleted with the wish never to store them again
	Skipped   int `json:"skipped"`  // older copies, and what the options leave out
	Failed    int `json:"failed"`
}

// Stored is how many conversations are stored now, changed or not.
func (c Counts) Stored() int { return c.New + c.Updated + c.Unchanged }

// Plus returns the sums of both.
func (c Counts) Plus(d Counts) Counts {
	return Counts{
		c.New + d.New, c.Updated + d.Updated, c.Unchanged + d.Unchanged, c.Deleted + d.Deleted,
		c.Excluded + d.Excluded, c.Skipped + d.Skipped, c.Failed + d.Failed,
	}
}

// File is one file of the source, or several small ones together.
type File struct {
	Path   string `json:"path"`            // of the first one
	Others int    `json:"others,omitzero"` // how many more there are
	Format string `json:"format,omitzero"`
	Counts
}

// Warning is something that was left out, repaired or not known, and how often.
type Warning struct {
	Text  string `json:"text"`
	Count int    `json:"count"`
}

// Problem is something that could not be read or stored.
type Problem struct {
	Place  string `json:"place"`
	Reason string `json:"reason"`
}

// MaxProblems is how many problems a result lists. All are counted.
const MaxProblems = 20

// add takes what was found in a source.
func (r *Result) add(report *exports.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members = append(r.members, report.Members...)
	r.Notes = append(r.Notes, report.Notices...)
	r.Without += report.WithoutCount
	r.first = append(r.first, report.Without...)
	if r.warned == nil {
		r.warned = map[string]int{}
	}
	for w, n := range report.Warnings() {
		if w != format.NotConversations { // Without has them
			r.warned[string(w)] += n
		}
	}
	for _, m := range report.Members {
		r.ProblemCount += m.ProblemCount
		for _, p := range m.Problems {
			r.problem(p.Place, p.Text)
		}
	}
}

func (r *Result) unsendable(at format.Place, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ProblemCount++
	r.problem(at, fault.Message(err))
}

func (r *Result) deliveryProblems(problems []chat.ImportProblem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ProblemCount += len(problems)
	for _, p := range problems {
		r.problem(format.Place{Member: p.Member, Line: p.Line, Element: p.Element}, p.Reason)
	}
}

func (r *Result) problem(at format.Place, reason string) {
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, Problem{Place: at.String(), Reason: reason})
	}
}

// severalFormats stands for the formats of files that have different ones.
const severalFormats = "several"

// format returns the format of all files, if they have the same.
func (r *Result) format() (name string) {
	for _, m := range r.members {
		name = joint(name, m.Format)
	}
	return name
}

func joint(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return severalFormats
}

// report is what the record of the import keeps of what was found.
func (r *Result) report() chat.ImportReport {
	report := chat.ImportReport{Notes: r.Notes}
	for _, m := range r.members {
		member := chat.ImportMember{Path: m.Path, Format: m.Format, Conversations: m.Conversations, Failed: m.ProblemCount, Warnings: map[string]int{}}
		for text, n := range m.Warnings {
			member.Warnings[string(text)] = n
		}
		report.Members = append(report.Members, member)
		report.Skipped += m.Older + m.Excluded
		report.Unread += m.ProblemCount
		for _, p := range m.Problems {
			report.Problems = append(report.Problems, chat.ImportProblem{
				ImportPlace: chat.ImportPlace{Member: p.Place.Member, Line: p.Place.Line, Element: p.Place.Element}, Reason: p.Text,
			})
		}
	}
	for _, w := range r.first {
		report.Members = append(report.Members, chat.ImportMember{Path: w.Path, Problem: "it has no conversations of a known format"})
	}
	return report.Bounded()
}

// complete brings what was read and what was delivered together.
func (r *Result) complete(rows []*row, p Progress) {
	r.Bytes, r.Indexed = p.Bytes, p.Indexed
	r.Files, r.Warnings = []File{}, []Warning{} // never null as JSON
	r.Problems, r.Notes = append([]Problem{}, r.Problems...), append([]string{}, r.Notes...)
	of := map[string]int{} // the file of a member
	for _, row := range rows {
		c := row.counts
		for _, m := range row.members {
			of[m] = len(r.Files)
		}
		r.Files = append(r.Files, File{Path: row.members[0], Others: len(row.members) - 1, Counts: Counts{
			c.New, c.Updated, c.Unchanged, c.LeftDeleted, c.Excluded, c.Skipped, c.Failed + row.failed,
		}})
	}
	for _, m := range r.members {
		i, known := of[m.Path]
		if !known {
			i = len(r.Files)
			of[m.Path] = i
			r.Files = append(r.Files, File{Path: m.Path})
		}
		f := &r.Files[i]
		f.Format = joint(f.Format, m.Format)
		f.Skipped += m.Older + m.Excluded
		f.Failed += m.ProblemCount
	}
	for _, f := range r.Files {
		r.Counts = r.Counts.Plus(f.Counts)
	}
	for text, n := range r.warned {
		r.Warnings = append(r.Warnings, Warning{text, n})
	}
	slices.SortFunc(r.Warnings, func(a, b Warning) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text)) })
}
