package chat

import (
	"path"
	"strings"
	"time"
	"unicode"
)

// ImportState is the state of an import.
type ImportState string

// The states of an import. Receiving and Reading are running: they end with Indexing, Done,
// StateFailed or StateStopped.
const (
	StateReceiving ImportState = "receiving" // its file, or its conversations, are arriving
	StateReading   ImportState = "reading"   // its file has arrived and is read
	StateIndexing  ImportState = "indexing"  // everything is stored, and conversations wait for indexing
	StateDone      ImportState = "done"      // everything is stored and indexed
	StateFailed    ImportState = "failed"    // an error ended it; what was stored before stays
	StateStopped   ImportState = "stopped"   // a caller or the service stopped it; what was stored before stays
)

// Running reports whether an import may still store something.
func (s ImportState) Running() bool { return s == StateReceiving || s == StateReading }

// ImportJob is the part of an import's record that does not come from its conversations.
type ImportJob struct {
	State     ImportState
	Platforms []string // of its conversations, sorted
	FileName  string   // without folders; empty when unknown
	FileSize  int64    // bytes; 0 when unknown
	Format    string   // of the file; empty when unknown
	BytesRead int64
	Counts    ImportCounts
	Report    ImportReport
	EndedAt   time.Time // when it stopped storing; zero while it is running
	Part      int       // the last part that a client has sent; 0 for none
	Restores  bool      // it restores what was deleted before
}

// ImportCounts counts the conversations of an import by their result.
type ImportCounts struct {
	New         int // created
	Updated     int // stored before, and changed
	Unchanged   int // stored before, and equal
	LeftDeleted int // deleted before, and left so
	Excluded    int // refused because they were deleted with that wish
	Skipped     int // left out by the options of the import
	Failed      int // could not be read or not be stored
}

// Add returns the sums of both.
func (c ImportCounts) Add(d ImportCounts) ImportCounts {
	return ImportCounts{
		New: c.New + d.New, Updated: c.Updated + d.Updated, Unchanged: c.Unchanged + d.Unchanged,
		LeftDeleted: c.LeftDeleted + d.LeftDeleted, Excluded: c.Excluded + d.Excluded,
		Skipped: c.Skipped + d.Skipped, Failed: c.Failed + d.Failed,
	}
}

// Stored is how many conversations of the file are stored now, changed or not.
func (c ImportCounts) Stored() int { return c.New + c.Updated + c.Unchanged }

// ImportReport is what was found while reading a file. It contains no text of messages.
type ImportReport struct {
	Members  []ImportMember  `json:"members,omitempty"`
	Problems []ImportProblem `json:"problems,omitempty"` // the first ones
	Notes    []string        `json:"notes,omitempty"`    // what the person who imports has to do
	Skipped  int             `json:"skipped,omitempty"`  // conversations that the options of the import leave out
	Unread   int             `json:"unread,omitempty"`   // elements that could not be read
}

// With returns the report updated with a later one. Fields that the later one leaves empty stay.
func (r ImportReport) With(later ImportReport) ImportReport {
	if later.Members != nil {
		r.Members = later.Members
	}
	if later.Problems != nil {
		r.Problems = later.Problems
	}
	if later.Notes != nil {
		r.Notes = later.Notes
	}
	r.Skipped, r.Unread = max(r.Skipped, later.Skipped), max(r.Unread, later.Unread)
	return r
}

// ImportMember is what one file of the source has.
type ImportMember struct {
	Path          string         `json:"path"`
	Format        string         `json:"format,omitempty"`
	Conversations int            `json:"conversations,omitempty"`
	Failed        int            `json:"failed,omitempty"`
	Problem       string         `json:"problem,omitempty"`  // why it was not read, or not to its end
	Warnings      map[string]int `json:"warnings,omitempty"` // what was left out or repaired, and how often
}

// ImportProblem is why something at one place could not be read or stored.
type ImportProblem struct {
	ImportPlace
	Reason string `json:"reason"`
}

// ImportPlace is a place in a source. Zero fields are unknown.
type ImportPlace struct {
	Member  string `json:"member,omitempty"`
	Line    int    `json:"line,omitempty"`    // from 1
	Element int    `json:"element,omitempty"` // from 1
}

// Limits of what a record lists. Further problems are only counted.
const (
	MaxImportMembers  = 500
	MaxImportProblems = 20
	maxImportText     = 500 // runes of a name, a reason or a note
)

// Bounded returns the report within the limits of a record, without control characters.
func (r ImportReport) Bounded() ImportReport {
	bounded := ImportReport{Skipped: max(r.Skipped, 0), Unread: max(r.Unread, 0)}
	for _, m := range r.Members[:min(len(r.Members), MaxImportMembers)] {
		m.Path, m.Format, m.Problem = Plain(m.Path), Plain(m.Format), Plain(m.Problem)
		m.Conversations, m.Failed = max(m.Conversations, 0), max(m.Failed, 0)
		m.Warnings = boundedWarnings(m.Warnings)
		bounded.Members = append(bounded.Members, m)
	}
	for _, p := range r.Problems[:min(len(r.Problems), MaxImportProblems)] {
		p.Member, p.Reason = Plain(p.Member), Plain(p.Reason)
		bounded.Problems = append(bounded.Problems, p)
	}
	for _, n := range r.Notes[:min(len(r.Notes), MaxImportProblems)] {
		bounded.Notes = append(bounded.Notes, Plain(n))
	}
	return bounded
}

func boundedWarnings(warnings map[string]int) map[string]int {
	bounded := make(map[string]int, len(warnings))
	for text, n := range warnings {
		if len(bounded) < MaxImportProblems && n > 0 {
			bounded[Plain(text)] += n
		}
	}
	return bounded
}

// FileName returns the name of a file without its folders, within the limits of a record. Both
// slashes and backslashes separate folders.
func FileName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == "/" {
		return ""
	}
	return Plain(name)
}

// Plain returns a text of limited length without control characters.
func Plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if runes := []rune(text); len(runes) > maxImportText {
		return string(runes[:maxImportText-3]) + "..."
	}
	return text
}
