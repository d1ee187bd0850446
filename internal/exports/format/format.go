// Package format is the contract between the readers of export files and those who use
// them. A reader gets one member of a source, which is a file on disk or in an archive, and
// hands over the conversations that it finds. It knows bytes and the types of package chat,
// and no store, no HTTP and no progress bar.
package format

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Format is one kind of file, and how it is recognised and read.
type Format struct {
	Name     string // what --format takes: "chatgpt"
	Title    string // for people: "ChatGPT export"
	Platform string // of its conversations, unless a file says otherwise
	LookFor  string // what a file of this format has, for the error about an unknown file: "an array whose elements have `mapping`"

	// Matches reports whether a file has the structure of this format. It does not use the name of the file, unless
	// only the name contains the needed fact.
	Matches func(s *Sample) bool

	// Read reads a member to its end. One broken element never ends it: the element is a
	// Problem. It returns an error when the member cannot be read any further, and returns
	// the errors of out unchanged.
	Read func(ctx context.Context, m Member, out *Out) error

	// Index says that such a file has no conversations, but says where they are. Read notes
	// what the person has to do.
	Index bool

	// Resumes says that Read reports its mark to Out.Reached and can continue from Member.From. It may then return
	// ErrRewritten before it passes anything on.
	Resumes bool
}

// Member is one file of a source: a file on disk, an entry of an archive, or standard input.
type Member struct {
	Path     string    // within the source, with slashes; for display and for finding siblings, never a path to open
	Size     int64     // bytes when unpacked; -1 when unknown
	Modified time.Time // zero when unknown
	File     string    // the path on disk, for readers that need a real file; empty within an archive

	// Open starts reading from the beginning. It may be called more than once, but for
	// standard input.
	Open func() (io.ReadCloser, error)

	// Sibling returns the member with a path relative to this one's folder. nil when the
	// source has no other members.
	Sibling func(path string) (Member, bool)

	// All returns the members of the source, this one included, in the order of their
	// paths. nil when the source has no other members.
	All func() []Member

	// Memo returns what create returned when it was first called with this key for any member
	// of the source, so that readers work out only once what several members share. nil when
	// nothing is remembered.
	Memo func(key string, create func() any) any

	// From is the place from which to continue a file that has grown, as an earlier reading reported it to
	// Out.Reached. It is zero when the member is read from its beginning. Only a Format that Resumes uses it.
	From Mark
}

// Mark is a place in a file from which a reader can go on when the file has grown. A reader
// that starts there finds what follows the mark, with the same ids as a reading of the whole
// file, and may find some messages before its end again.
type Mark struct {
	Offset int64  // bytes from the beginning of the file; the start of a line
	Line   int    // number of lines before Offset
	State  string // what the reader has to know of the lines before Offset; ids, never text of messages
}

// ErrRewritten says that the lines after a Mark do not continue those before it, so that the
// file has to be read from its beginning.
var ErrRewritten = errors.New("the file was rewritten")

// Conversation is a conversation that a reader found.
type Conversation struct {
	chat.Upload
	Place Place
}

// Place is a place in a source. Zero fields are unknown.
type Place struct {
	Member  string // path of the member
	Line    int    // from 1, for files of lines
	Element int    // from 1, for files with one array
}

// String returns the place as people read it: "conversations-001.json, element 17".
func (p Place) String() string {
	var parts []string
	if p.Member != "" {
		parts = append(parts, p.Member)
	}
	if p.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", p.Line))
	}
	if p.Element > 0 {
		parts = append(parts, fmt.Sprintf("element %d", p.Element))
	}
	return strings.Join(parts, ", ")
}

// Warning is a kind of thing that a reader left out, repaired or could not know. Warnings
// are counted by kind. The text is for people and is the same for every occurrence.
type Warning string

// Warnings that several formats have. A format may have warnings of its own.
const (
	TimeInferred     Warning = "messages without a time got that of a neighbour"
	MissingParent    Warning = "messages whose parent is missing in the file"
	UnknownBlock     Warning = "blocks of an unknown type were left out"
	EmptyMessage     Warning = "messages without text were left out"
	EmptyChat        Warning = "conversations without messages were left out"
	FileNotIncluded  Warning = "pictures and files were named, but their contents were not imported"
	DecodedTwice     Warning = "values were JSON inside a string"
	TruncatedLine    Warning = "incomplete last lines were left for the next time"
	OlderDuplicate   Warning = "older copies of conversations were left out"
	NotConversations Warning = "files without conversations were left out"
)

// Out receives what a reader finds in one member.
type Out struct {
	// Take receives a conversation. The reader does not use it again. An error ends the
	// reading and is returned by Conversation.
	Take func(Conversation) error
	// Fail receives an element that could not be read. err says what was wrong in words
	// that contain no text of messages.
	Fail func(place Place, err error)
	// Note receives something that the person who imports has to do, such as "download the
	// files that this index lists".
	Note func(text string)
	// Reached receives the place from which a Format that Resumes can go on later.
	Reached func(Mark)

	Warnings map[Warning]int
}

// Conversation hands a conversation over.
func (o *Out) Conversation(c Conversation) error { return o.Take(c) }

// Problem records an element that could not be read.
func (o *Out) Problem(place Place, err error) {
	if o.Fail != nil {
		o.Fail(place, err)
	}
}

// Notice records something that the person who imports has to do.
func (o *Out) Notice(text string) {
	if o.Note != nil {
		o.Note(text)
	}
}

// Mark records the place from which the reading can go on later.
func (o *Out) Mark(m Mark) {
	if o.Reached != nil {
		o.Reached(m)
	}
}

// Warn counts n occurrences of a warning.
func (o *Out) Warn(w Warning, n int) {
	if n == 0 {
		return
	}
	if o.Warnings == nil {
		o.Warnings = make(map[Warning]int)
	}
	o.Warnings[w] += n
}
