package chat

import (
	"iter"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of an upload, from MemoryPlugin's "Upload a conversation" page; Lethe's own
// where that page gives none.
const (
	DefaultPlatform       = "custom"
	MaxExternalIDRunes    = 512
	MaxDisplayNameRunes   = 200
	MaxTitleRunes         = 500 // longer titles are cut, not refused
	MaxUploadMessages     = 50_000
	MaxBranchRunes        = 512
	defaultTitleRunes     = 80
	untitled              = "Untitled"
	earliestYear          = 1970
	latestYear            = 9999
	platformPatternString = `^[a-zA-Z0-9\-_.]{1,100}$`
)

var platformPattern = regexp.MustCompile(platformPatternString)

// Upload is one conversation as a caller sends it. Validate turns it into a ValidUpload,
// which the store accepts.
type Upload struct {
	Platform    string
	DisplayName string // the platform's name for people; empty to keep the stored one
	ExternalID  string
	Title       string
	CreatedAt   time.Time // zero when the caller gave none
	UpdatedAt   time.Time
	Pinned      *bool // nil when the caller did not say
	Source      Source
	Messages    []UploadMessage
	// From is the position in the conversation at which the messages begin, when the upload
	// is a part of a long conversation (Split). nil: the upload does not say.
	From *int
	// TellsMarks says that the source knows for each message whether it is hidden or on
	// an abandoned branch. If it is false, an unmarked message keeps the mark it has in
	// the store.
	TellsMarks bool
}

// UploadMessage is one message of an Upload.
type UploadMessage struct {
	ExternalID string
	Role       string
	Text       string
	CreatedAt  time.Time // zero when the caller gave none
	Branch     string    // as in Message
	Hidden     bool
	Inferred   bool     // CreatedAt is not the source's own, but that of a neighbour or of the conversation
	Files      []string // names of pictures and files that belong to it and are not stored
}

// DerivedTitle returns the title of a conversation without a title of its own.
func DerivedTitle(said iter.Seq2[Sender, string]) string {
	for sender, text := range said {
		if sender != Human {
			continue
		}
		if title := TitleFrom(text); title != "" {
			return title
		}
	}
	return untitled
}

// TitleFrom returns the title that is derived from a text; empty when the text is blank.
func TitleFrom(text string) string { return cut(oneLine(text), defaultTitleRunes) }

// CleanTitle returns a title that can be stored: one line, no NUL, at most MaxTitleRunes.
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
