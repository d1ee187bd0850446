package chat

import (
	"cmp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Origin identifies a conversation by its platform. It is unique within a workspace.
type Origin struct {
	Platform   string
	ExternalID string // the platform's own id
}

// ValidUpload is an upload that passed all checks and has every value that the store
// needs. Only Upload.Validate creates one.
type ValidUpload struct {
	origin      Origin
	displayName string
	title       string // as given, or derived from the messages
	createdAt   time.Time
	updatedAt   time.Time
	pinned      *bool
	source      Source
	tellsMarks  bool
	messages    []validMessage
	placed      bool // the upload says at which position its messages begin:
	from        int
	sum         UploadSum // of the upload; zero when it is not known

	// Whether the caller gave the value or it was filled in: a re-send changes only
	// values that the caller gave.
	titled, created, updated bool
}

// validMessage is a message without an id and position.
type validMessage struct {
	Message
	dated     bool // the caller gave its date
	forgotten bool // it is, or repeats, a message that was deleted by itself (ValidUpload.Except)
}

// Origin returns the upload's platform and external id.
func (u ValidUpload) Origin() Origin { return u.origin }

// DisplayName returns the platform's name for people; empty to keep the stored one.
func (u ValidUpload) DisplayName() string { return u.displayName }

// Title returns the title that the caller gave or that was derived from the messages.
func (u ValidUpload) Title() string { return u.title }

// From returns the position of the first message of a part of a conversation, and 0 for a
// whole conversation. The messages before it are in other uploads.
func (u ValidUpload) From() int { return u.from }

// WithSum returns the upload with the checksum of what was sent, which lets the store notice
// that it is sent again.
func (u ValidUpload) WithSum(sum UploadSum) ValidUpload {
	u.sum = sum
	return u
}

// Sum returns the checksum of what was sent; zero when it is not known.
func (u ValidUpload) Sum() UploadSum { return u.sum }

// TextBytes returns the total length of the texts of all messages.
func (u ValidUpload) TextBytes() (n int) {
	for _, m := range u.messages {
		n += len(m.Text)
	}
	return n
}

// Validate checks an upload and fills in missing values: the platform, the title (from
// the first human message, cut at 80 characters), and dates (from the nearest dated
// message, otherwise now). It replaces characters that a database cannot store. It
// returns an Invalid fault that lists up to twenty problems at once. The upload itself
// is not changed.
func (u Upload) Validate(now time.Time) (ValidUpload, error) {
	v := ValidUpload{
		origin:      Origin{Platform: cmp.Or(u.Platform, DefaultPlatform), ExternalID: storable(u.ExternalID)},
		displayName: strings.TrimSpace(storable(u.DisplayName)),
		title:       CleanTitle(u.Title), createdAt: u.CreatedAt, updatedAt: u.UpdatedAt,
		created: !u.CreatedAt.IsZero(), updated: !u.UpdatedAt.IsZero(), tellsMarks: u.TellsMarks,
		source: u.Source.clean(),
	}
	if u.From != nil {
		v.placed, v.from = true, *u.From
	}
	if u.Pinned != nil {
		v.pinned = new(*u.Pinned)
	}
	var found fault.Problems
	v.check(&found)
	v.takeMessages(u.Messages, &found)
	if err := found.Err(); err != nil {
		return ValidUpload{}, err
	}
	v.fillDates(Clock(now))
	v.titled = v.title != ""
	if !v.titled {
		v.title = titleOf(v.messages)
	}
	return v, nil
}

// check checks everything except the messages.
func (u *ValidUpload) check(found *fault.Problems) {
	if !platformPattern.MatchString(u.origin.Platform) {
		found.Add(fault.At("platform"), "must be 1 to 100 letters, digits, '-', '_' or '.'")
	}
	if utf8.RuneCountInString(u.displayName) > MaxDisplayNameRunes {
		found.Add(fault.At("display name"), "must have at most %d characters", MaxDisplayNameRunes)
	}
	switch n := utf8.RuneCountInString(u.origin.ExternalID); {
	case n == 0:
		found.Add(fault.At("external id"), "is required")
	case n > MaxExternalIDRunes:
		found.Add(fault.At("external id"), "must have at most %d characters", MaxExternalIDRunes)
	}
	if u.source.Link != "" && !IsLink(u.source.Link) {
		found.Add(fault.At("link"), "must be an http or https address of at most %d characters", MaxLinkBytes)
	}
	if u.from < 0 {
		found.Add(fault.At("from"), "must be at least 0")
	}
	if !validTime(u.createdAt) {
		found.Add(fault.At("created at"), "must lie between the years %d and %d", earliestYear, latestYear)
	}
	if !validTime(u.updatedAt) {
		found.Add(fault.At("updated at"), "must lie between the years %d and %d", earliestYear, latestYear)
	}
}

// takeMessages checks the messages. It makes ids storable before it compares them, because two ids that differ only
// in unstorable characters are stored as the same id.
func (u *ValidUpload) takeMessages(sent []UploadMessage, found *fault.Problems) {
	switch n := len(sent); {
	case n == 0:
		found.Add(fault.At("messages"), "must have at least one message")
	case n > MaxUploadMessages:
		found.Add(fault.At("messages"), "must have at most %d messages; send the rest in another upload of the same conversation", MaxUploadMessages)
		return
	}
	u.messages = make([]validMessage, len(sent))
	seen := make(map[string]int, len(sent))
	for i, m := range sent {
		at := fault.At("messages").Item(i)
		text := storable(m.Text)
		if tooLong(text) {
			found.Add(at.Field("text"), "must have at most %d bytes when it is written as JSON", MaxTextBytes)
		}
		sender, ok := ParseSender(m.Role)
		if !ok {
			found.Add(at.Field("role"), "must be human, assistant, system or tool")
		}
		id := storable(m.ExternalID)
		if n := utf8.RuneCountInString(id); n > MaxExternalIDRunes {
			found.Add(at.Field("external id"), "must have at most %d characters", MaxExternalIDRunes)
		}
		if id != "" {
			if first, dup := seen[id]; dup {
				found.Add(at.Field("external id"), "is the same as that of %s", fault.At("messages").Item(first))
			}
			seen[id] = i
		}
		if !validTime(m.CreatedAt) {
			found.Add(at.Field("created at"), "must lie between the years %d and %d", earliestYear, latestYear)
		}
		branch, files := storable(m.Branch), cleanFiles(m.Files)
		if utf8.RuneCountInString(branch) > MaxBranchRunes {
			found.Add(at.Field("branch"), "must have at most %d characters", MaxBranchRunes)
		}
		if fittingFiles(files) < len(files) {
			found.Add(at.Field("files"), "must have at most %d names of together %d characters", MaxFiles, MaxFilesBytes)
		}
		u.messages[i] = validMessage{dated: !m.CreatedAt.IsZero(), Message: Message{
			ExternalID: id, Sender: sender, Text: text, CreatedAt: m.CreatedAt, Inferred: m.Inferred,
			Branch: branch, Hidden: m.Hidden, Files: files,
		}}
	}
}

func validTime(t time.Time) bool {
	return t.IsZero() || (t.UTC().Year() >= earliestYear && t.UTC().Year() <= latestYear)
}

// fillDates dates each undated message like the nearest dated message before it. If
// there is none it uses the first dated message after it, then the conversation's date,
// then now.
func (u *ValidUpload) fillDates(now time.Time) {
	known := u.createdAt
	for _, m := range u.messages {
		if m.dated {
			known = m.CreatedAt
			break
		}
	}
	if known.IsZero() {
		known = u.updatedAt
	}
	if known.IsZero() {
		known = now
	}
	last := known
	for i := range u.messages {
		m := &u.messages[i]
		if !m.dated {
			m.CreatedAt, m.Inferred = last, true
		}
		m.CreatedAt = Clock(m.CreatedAt)
		last = m.CreatedAt
	}
	if !u.created {
		u.createdAt = u.messages[0].CreatedAt
	}
	u.createdAt = Clock(u.createdAt)
	if !u.updated {
		u.updatedAt = last
	}
	u.updatedAt = Clock(u.updatedAt)
}
