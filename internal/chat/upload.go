package chat

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Limits of an upload (MemoryPlugin, "Upload a conversation", and our own where
// it is silent).
const (
	DefaultPlatform       = "custom"
	MaxExternalIDRunes    = 512
	MaxDisplayNameRunes   = 200
	MaxTitleRunes         = 500 // longer titles are cut, not refused
	MaxUploadMessages     = 50_000
	defaultTitleRunes     = 80
	untitled              = "Untitled"
	maxProblemsReported   = 20
	earliestYear          = 1970
	latestYear            = 9999
	platformPatternString = `^[a-zA-Z0-9\-_.]{1,100}$`
)

var platformPattern = regexp.MustCompile(platformPatternString)

// Upload is one conversation as a caller sends it. Normalize turns it into one
// that the store may take.
type Upload struct {
	Platform    string
	DisplayName string // the platform's name for people, empty to leave it as it is
	ExternalID  string
	Title       string
	CreatedAt   time.Time // zero when the caller gave none
	UpdatedAt   time.Time
	Pinned      *bool // nil when the caller did not say
	Messages    []UploadMessage
	// TellsMarks says that the source knows of each message whether it is hidden or
	// on an abandoned branch. Without it a message that is neither may be so in the
	// store, and stays so.
	TellsMarks bool

	given given // set by Normalize
}

// given tells what the caller said from what Normalize filled in: a re-send
// changes only what it says. It is noted once, so that a second Normalize does
// not take our own additions for the caller's words.
type given struct{ noted, title, createdAt, updatedAt bool }

// UploadMessage is one message of an Upload.
type UploadMessage struct {
	ExternalID string
	Role       string
	Text       string
	CreatedAt  time.Time // zero when the caller gave none
	Branch     string
	Hidden     bool

	sender Sender // set by Normalize
	dated  bool   // set by Normalize: the caller gave CreatedAt
}

// Normalize checks the upload and fills in what may be left out: the platform,
// the title (the first human message, cut at 80 characters), and missing dates
// (the neighboring message's, then now). It returns an Invalid fault that names
// every problem at once, at most twenty of them.
func (u *Upload) Normalize(now time.Time) error {
	// Uploads are handed on by value: the caller's own messages stay as they were.
	u.Messages = slices.Clone(u.Messages)
	u.makeStorable()
	if problems := u.problems(); len(problems) > 0 {
		more := ""
		if len(problems) > maxProblemsReported {
			more = fmt.Sprintf("; and %d more", len(problems)-maxProblemsReported)
			problems = problems[:maxProblemsReported]
		}
		return fault.Invalidf("%s%s", strings.Join(problems, "; "), more)
	}
	u.noteGiven()
	u.fillDates(Clock(now))
	if u.Title == "" {
		u.Title = u.titleFromMessages()
	}
	return nil
}

// makeStorable makes every text storable on both databases: PostgreSQL takes
// neither NUL nor broken UTF-8, and the two stores must hold the same. It comes
// before the checks, because ids that differ only there are stored alike.
func (u *Upload) makeStorable() {
	for i := range u.Messages {
		m := &u.Messages[i]
		m.Text = storable(m.Text)
		m.ExternalID = storable(m.ExternalID)
		m.Branch = storable(m.Branch)
	}
	u.ExternalID = storable(u.ExternalID)
	u.DisplayName = strings.TrimSpace(storable(u.DisplayName))
	u.Title = CleanTitle(u.Title)
}

func (u *Upload) noteGiven() {
	if u.given.noted {
		return
	}
	u.given = given{noted: true, title: u.Title != "", createdAt: !u.CreatedAt.IsZero(), updatedAt: !u.UpdatedAt.IsZero()}
	for i := range u.Messages {
		u.Messages[i].dated = !u.Messages[i].CreatedAt.IsZero()
	}
}

func (u *Upload) problems() []string {
	var found []string
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if u.Platform == "" {
		u.Platform = DefaultPlatform
	}
	if !platformPattern.MatchString(u.Platform) {
		add("platform must be 1 to 100 letters, digits, '-', '_' or '.'")
	}
	if utf8.RuneCountInString(u.DisplayName) > MaxDisplayNameRunes {
		add("platformDisplayName must have at most %d characters", MaxDisplayNameRunes)
	}
	switch n := utf8.RuneCountInString(u.ExternalID); {
	case n == 0:
		add("conversation.id is required")
	case n > MaxExternalIDRunes:
		add("conversation.id must have at most %d characters", MaxExternalIDRunes)
	}
	switch n := len(u.Messages); {
	case n == 0:
		add("conversation.messages must have at least one message")
	case n > MaxUploadMessages:
		add("conversation.messages must have at most %d messages; send the rest in another upload of the same conversation", MaxUploadMessages)
		return found
	}
	if !validTime(u.CreatedAt) {
		add("conversation.createdAt must lie between the years %d and %d", earliestYear, latestYear)
	}
	if !validTime(u.UpdatedAt) {
		add("conversation.updatedAt must lie between the years %d and %d", earliestYear, latestYear)
	}
	seen := make(map[string]int, len(u.Messages))
	for i := range u.Messages {
		m := &u.Messages[i]
		sender, ok := ParseSender(m.Role)
		if !ok {
			add("conversation.messages[%d].role must be human, assistant, system or tool", i)
		}
		m.sender = sender
		if n := utf8.RuneCountInString(m.ExternalID); n > MaxExternalIDRunes {
			add("conversation.messages[%d].id must have at most %d characters", i, MaxExternalIDRunes)
		}
		if m.ExternalID != "" {
			if first, dup := seen[m.ExternalID]; dup {
				add("conversation.messages[%d].id is the same as that of messages[%d]", i, first)
			}
			seen[m.ExternalID] = i
		}
		if !validTime(m.CreatedAt) {
			add("conversation.messages[%d].createdAt must lie between the years %d and %d", i, earliestYear, latestYear)
		}
	}
	return found
}

func validTime(t time.Time) bool {
	return t.IsZero() || (t.UTC().Year() >= earliestYear && t.UTC().Year() <= latestYear)
}

// fillDates gives each undated message the date of the nearest dated one before
// it, else after it, else the conversation's, else now.
func (u *Upload) fillDates(now time.Time) {
	known := u.CreatedAt
	for i := range u.Messages {
		if t := u.Messages[i].CreatedAt; !t.IsZero() {
			known = t
			break
		}
	}
	if known.IsZero() {
		known = u.UpdatedAt
	}
	if known.IsZero() {
		known = now
	}
	last := known
	for i := range u.Messages {
		m := &u.Messages[i]
		if m.CreatedAt.IsZero() {
			m.CreatedAt = last
		}
		m.CreatedAt = Clock(m.CreatedAt)
		last = m.CreatedAt
	}
	if u.CreatedAt.IsZero() {
		u.CreatedAt = u.Messages[0].CreatedAt
	}
	u.CreatedAt = Clock(u.CreatedAt)
	if u.UpdatedAt.IsZero() {
		u.UpdatedAt = last
	}
	u.UpdatedAt = Clock(u.UpdatedAt)
}

func (u *Upload) titleFromMessages() string {
	return derivedTitle(func(yield func(Sender, string) bool) {
		for _, m := range u.Messages {
			if !yield(m.sender, m.Text) {
				return
			}
		}
	})
}

// derivedTitle is the title of a conversation that nobody named.
func derivedTitle(said iter.Seq2[Sender, string]) string {
	for sender, text := range said {
		if sender != Human {
			continue
		}
		if title := cut(oneLine(text), defaultTitleRunes); title != "" {
			return title
		}
	}
	return untitled
}

// CleanTitle makes a title storable: one line, no NUL, at most MaxTitleRunes.
func CleanTitle(s string) string { return cut(oneLine(storable(s)), MaxTitleRunes) }

func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func cut(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:runes]))
}
