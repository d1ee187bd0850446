// Package chatfiles writes conversations for people: each as a file of its own, in Markdown or
// HTML, with an index of all of them. It does not know where the conversations come from.
package chatfiles

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Format is the form of the files.
type Format interface {
	// extension is the end of the files' names.
	extension() string
	// index is the name of the index.
	index() string

	begin(w io.Writer, c Conversation) error
	message(w io.Writer, m chat.Message) error
	end(w io.Writer) error

	writeIndex(w io.Writer, months []month, totals Written) error
}

// Conversation is a conversation with its platform's name for people.
type Conversation struct {
	chat.Conversation
	PlatformName string // never empty
}

// Written counts what was written.
type Written struct {
	Conversations, Messages int
	Index                   string // the path of the index; empty before Close
}

// Folder is a folder in which conversations are written. Its methods are for one goroutine.
type Folder struct {
	path      string
	root      *os.Root
	format    Format
	overwrite bool
	taken     map[string]bool // names of files
	listed    []listed
	open      *file
	written   Written
}

// listed is a conversation in the index.
type listed struct {
	name, title, platform string
	created               time.Time
	messages              int
}

// month is what the index has of a month.
type month struct {
	title string
	chats []listed
}

// Create opens a folder, which is created if it does not exist. Files that exist are
// overwritten only if overwrite is set: otherwise it is a Conflict if the folder has an index. Nothing
// outside of the folder is ever written.
func Create(path string, format Format, overwrite bool) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the folder %s cannot be created", path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the folder %s cannot be opened", path)
	}
	f := &Folder{path: path, root: root, format: format, overwrite: overwrite, taken: map[string]bool{}}
	if err := f.mayWrite(format.index()); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

// mayWrite returns Conflict when a file exists that must not be overwritten.
func (f *Folder) mayWrite(name string) error {
	_, err := f.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && f.overwrite:
		return nil
	case err != nil:
		return fault.Wrap(fault.Invalid, err, "%s cannot be written", filepath.Join(f.path, name))
	}
	return fault.New(fault.Conflict, "%s exists already; give another folder, or --force to overwrite the files in this one", filepath.Join(f.path, name))
}

// Written returns what is complete.
func (f *Folder) Written() Written { return f.written }

// Add writes a conversation with messages, or further messages of the one that was added last.
func (f *Folder) Add(c Conversation, messages []chat.Message) error {
	if f.open == nil || f.open.id != c.ID {
		if err := f.finish(); err != nil {
			return err
		}
		if err := f.begin(c); err != nil {
			return err
		}
	}
	for _, m := range messages {
		if err := f.format.message(f.open, m); err != nil {
			return f.failed(err)
		}
		f.open.messages++
	}
	return nil
}

func (f *Folder) begin(c Conversation) error {
	name := f.nameOf(c)
	if err := f.mayWrite(name); err != nil {
		return err
	}
	open, err := newFile(f.root, name)
	if err != nil {
		return f.failed(err)
	}
	f.open = open
	f.open.id = c.ID
	f.open.listed = listed{name: name, title: c.Title, platform: c.PlatformName, created: c.CreatedAt.UTC()}
	return f.failed(f.format.begin(f.open, c))
}

func (f *Folder) nameOf(c Conversation) string {
	name := fileName(c.Conversation, false, f.format.extension())
	if f.taken[name] {
		name = fileName(c.Conversation, true, f.format.extension())
	}
	f.taken[name] = true
	return name
}

// finish completes the file that is open, if there is one.
func (f *Folder) finish() error {
	if f.open == nil {
		return nil
	}
	done := f.open
	if err := f.format.end(done); err != nil {
		return f.failed(err)
	}
	f.open = nil
	if err := done.commit(); err != nil {
		return f.failed(err)
	}
	f.listed = append(f.listed, done.listed)
	f.written.Conversations++
	f.written.Messages += done.messages
	return nil
}

func (f *Folder) failed(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, err, "the files in %s cannot be written: %v", f.path, cause(err))
}

// cause is the reason of an error of a file, without its path, which is a temporary one.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Abandon ends the writing without an index, and removes the file that is not complete. What
// is complete stays.
func (f *Folder) Abandon() error {
	var err error
	if f.open != nil {
		err = f.open.abandon()
		f.open = nil
	}
	return errors.Join(err, f.root.Close())
}

// Close completes the last file and writes the index.
func (f *Folder) Close() (Written, error) {
	err := f.finish()
	if err == nil {
		err = f.failed(f.putIndex())
	}
	if err != nil {
		return f.written, errors.Join(err, f.Abandon())
	}
	f.written.Index = filepath.Join(f.path, f.format.index())
	return f.written, f.root.Close()
}

func (f *Folder) putIndex() error {
	index, err := newFile(f.root, f.format.index())
	if err != nil {
		return err
	}
	if err := f.format.writeIndex(index, byMonth(f.listed), f.written); err != nil {
		return errors.Join(err, index.abandon())
	}
	return index.commit()
}

// byMonth groups conversations by the month of their creation, the newest first.
func byMonth(all []listed) (months []month) {
	slices.SortStableFunc(all, func(a, b listed) int {
		return cmp.Or(b.created.Compare(a.created), cmp.Compare(a.name, b.name))
	})
	for _, c := range all {
		title := c.created.Format("January 2006")
		if n := len(months); n == 0 || months[n-1].title != title {
			months = append(months, month{title: title})
		}
		last := &months[len(months)-1]
		last.chats = append(last.chats, c)
	}
	return months
}

// number is a number with its noun: "1 message", "1,234 messages".
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits + " " + noun + "s"
}
