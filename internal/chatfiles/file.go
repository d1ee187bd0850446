package chatfiles

import (
	"bufio"
	"crypto/rand"
	"errors"
	"os"

	"github.com/lethe-chat/lethe/internal/chat"
)

// file is a file that is written. It has its name only when it is complete.
type file struct {
	*bufio.Writer
	listed

	id   chat.ConversationID
	root *os.Root
	part string // its name until then
	name string
	out  *os.File
}

func newFile(root *os.Root, name string) (*file, error) {
	part := ".lethe-export-" + rand.Text()
	out, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{Writer: bufio.NewWriterSize(out, 64<<10), root: root, part: part, name: name, out: out}, nil
}

// commit gives the complete file its name.
func (f *file) commit() error {
	if err := errors.Join(f.Flush(), f.out.Close()); err != nil {
		return errors.Join(err, f.root.Remove(f.part))
	}
	return f.root.Rename(f.part, f.name)
}

// abandon removes the incomplete file.
func (f *file) abandon() error {
	_ = f.out.Close() // it is removed
	return f.root.Remove(f.part)
}
