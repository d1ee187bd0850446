package opencode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// uri returns a file's name as SQLite reads it.
func uri(file string) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(file)}).String()
}

// attempts is how often a database is copied when it changes meanwhile.
const attempts = 4

// copyOf copies the database and its log into a folder that only this user can read. The
// caller removes it.
func copyOf(ctx context.Context, m format.Member) (file string, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "lethe-opencode-")
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	file = filepath.Join(dir, "copy.db")
	for range attempts { // a checkpoint between the two copies would lose rows
		before := seen(m)
		if err = copyBoth(ctx, m, file); err != nil || seen(m) == before {
			break
		}
	}
	if err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return file, remove, nil
}

// seen describes the state of the files on disk, to notice that they changed.
func seen(m format.Member) (state string) {
	if m.File == "" {
		return ""
	}
	for _, name := range []string{m.File, m.File + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			state += fmt.Sprint(info.Size(), info.ModTime().UnixNano(), " ")
		}
	}
	return state
}

// copyBoth copies the database and the log beside it.
func copyBoth(ctx context.Context, m format.Member, to string) error {
	if err := os.Remove(to + "-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := copyMember(ctx, m, to); err != nil {
		return err
	}
	if m.Sibling == nil {
		return nil
	}
	log, ok := m.Sibling(path.Base(m.Path) + "-wal")
	if !ok {
		return nil
	}
	err := copyMember(ctx, log, to+"-wal")
	if errors.Is(err, os.ErrNotExist) { // OpenCode has just ended
		return nil
	}
	return err
}

func copyMember(ctx context.Context, m format.Member, to string) (err error) {
	in, err := m.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, &cancellable{ctx, in})
	return errors.Join(err, out.Close())
}

// cancellable ends reading with its context.
type cancellable struct {
	ctx context.Context
	in  io.Reader
}

// Read reads, or returns the cause of the context.
func (c *cancellable) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.in.Read(p)
}
