package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/lethe-chat/lethe/internal/fault"
)

// walk visits a source and yields its members.
type walk struct {
	ctx    context.Context
	source *Source
	yield  func(Member, error) bool
}

// top visits an input that the user named. Like the other methods, it returns false when the caller wants no more
// members.
func (w *walk) top(t top) bool {
	if t.folder {
		return w.folder(t.path)
	}
	return w.file(t.file, neighbours{}, 0)
}

// file visits a file: an archive is opened, anything else is a member. depth is the number
// of archives around the file.
func (w *walk) file(f file, n neighbours, depth int) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(Member{}, err)
		return false
	}
	magic, err := f.magic()
	switch {
	case err != nil:
		return w.refuse(f.path, err)
	case isZip(magic):
		return w.archive(f, depth)
	case bytes.HasPrefix(magic, []byte("\x1f\x8b\x08")):
		return w.gzip(f, n, depth)
	case isTar(magic):
		return w.refuse(f.path, fault.Invalidf("it is a tar archive; unpack it and import the folder"))
	}
	m := f.member(magic)
	n.describe(w.source, &m.Member)
	return w.yield(m, nil)
}

// refuse yields a member that cannot be used, or ends the walk when the context has ended.
func (w *walk) refuse(path string, err error) bool {
	if ctxErr := w.ctx.Err(); ctxErr != nil {
		w.yield(Member{}, ctxErr)
		return false
	}
	m := Member{}
	m.Path = path
	return w.yield(m, unreadable(err))
}

// unreadable turns an error into a fault with a text for the user.
func unreadable(err error) error {
	if fault.Is(err, fault.Internal) {
		return fault.Wrap(fault.Invalid, err, "it cannot be read: %s", reason(err))
	}
	return err
}

func isTar(magic []byte) bool {
	return len(magic) > 262 && string(magic[257:262]) == "ustar"
}

// gzip visits what a gzip file has inside.
func (w *walk) gzip(f file, n neighbours, depth int) bool {
	if depth >= w.source.limits.depth {
		return w.refuse(f.path, tooDeep(depth))
	}
	return w.file(unzipped(f), n, depth+1)
}

func tooDeep(depth int) error {
	return fault.Invalidf("it is an archive inside of %d others; unpack the outer ones first", depth)
}

// unzipped returns the contents of a gzip file. The reader reports how much of the compressed file was read, because
// the unpacked size is known only at the end.
func unzipped(f file) file {
	inner := f
	inner.path = strings.TrimSuffix(f.path, path.Ext(f.path))
	if ext := strings.ToLower(path.Ext(f.path)); ext != ".gz" && ext != ".gzip" {
		inner.path = f.path
	}
	inner.size, inner.at, inner.section, inner.disk = unknown, nil, nil, ""
	if f.stream != nil {
		unpacked, err := gzip.NewReader(f.stream)
		if err != nil {
			inner.refused = damagedGzip(err)
			return inner
		}
		inner.stream = newStream(unpacked)
		return inner
	}
	inner.open = func() (io.ReadCloser, error) {
		packed, err := f.reader()
		if err != nil {
			return nil, err
		}
		counted := &counter{Reader: packed}
		unpacked, err := gzip.NewReader(counted)
		if err != nil {
			packed.Close()
			return nil, damagedGzip(err)
		}
		return &gunzip{unpacked, packed, counted}, nil
	}
	return inner
}

func damagedGzip(err error) error {
	return fault.Wrap(fault.Invalid, err, "the gzip file is damaged: %v", err)
}

// counter counts the bytes that were read.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// gunzip is an open gzip file.
type gunzip struct {
	*gzip.Reader
	packed io.Closer
	count  *counter
}

// Consumed returns how many bytes of the packed file were read.
func (g *gunzip) Consumed() int64 { return g.count.n }

// Close closes the packed file.
func (g *gunzip) Close() error { return g.packed.Close() }

// spool writes a file that can only be read from the beginning to a temporary file, or to
// memory if it is small. release gives it up.
func (w *walk) spool(f file) (at io.ReaderAt, size int64, release func(), err error) {
	in, err := f.reader()
	if err != nil {
		return nil, 0, nil, err
	}
	defer in.Close()
	var small bytes.Buffer
	size, err = io.CopyN(&small, contextReader{w.ctx, in}, spoolInMemory)
	if errors.Is(err, io.EOF) {
		return bytes.NewReader(small.Bytes()), size, func() {}, nil
	}
	if err != nil {
		return nil, 0, nil, err
	}
	temp, release, err := tempFile(w.source.temp)
	if err != nil {
		return nil, 0, nil, err
	}
	limit := w.source.limits.nestedBytes
	size, err = io.Copy(temp, io.LimitReader(io.MultiReader(&small, contextReader{w.ctx, in}), limit+1))
	if err == nil && size > limit {
		err = fault.Invalidf("it is an archive of more than %d GB inside another one; unpack the outer one first", limit>>30)
	}
	if err != nil {
		release()
		return nil, 0, nil, err
	}
	return temp, size, release, nil
}

const spoolInMemory = 4 << 20

// tempFile returns a new file that only this user can read. Its name is removed at once,
// or, where the system does not allow that, when the file is released.
func tempFile(folder string) (*os.File, func(), error) {
	temp, err := os.CreateTemp(folder, "lethe-import-*")
	if err != nil {
		return nil, nil, fmt.Errorf("make a temporary file: %w", err)
	}
	named := os.Remove(temp.Name()) != nil
	return temp, func() {
		temp.Close()
		if named {
			_ = os.Remove(temp.Name()) // nothing else can be done; the next start removes it
		}
	}, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}
