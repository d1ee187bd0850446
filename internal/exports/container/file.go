package container

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// file is something that can be read: a file on disk, an entry of an archive, or a stream.
type file struct {
	path         string // as shown
	size, stored int64
	modified     time.Time
	disk         string                        // path on disk, if it is a file there
	at           io.ReaderAt                   // if it can be read at any place
	open         func() (io.ReadCloser, error) // otherwise
	stream       *stream                       // otherwise
	section      io.ReaderAt                   // its bytes in an archive, if they are there unpacked
	refused      error                         // why it is not read
}

func errorsAs[T error](err error, target *T) bool { return errors.As(err, target) }

func onDisk(path, shown string, info fs.FileInfo) file {
	return file{
		path: showable(shown), size: info.Size(), stored: info.Size(), modified: info.ModTime(), disk: path,
		open: func() (io.ReadCloser, error) { return os.Open(path) },
	}
}

// reader opens the file for reading from the beginning, as it is.
func (f file) reader() (io.ReadCloser, error) {
	switch {
	case f.refused != nil:
		return nil, f.refused
	case f.stream != nil:
		return io.NopCloser(f.stream), nil
	case f.at != nil:
		return io.NopCloser(io.NewSectionReader(f.at, 0, f.size)), nil
	}
	return f.open()
}

// magic returns the first bytes of the file.
func (f file) magic() ([]byte, error) {
	if f.stream != nil {
		return f.stream.Peek(magicBytes)
	}
	in, err := f.reader()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	head := make([]byte, magicBytes)
	n, err := io.ReadFull(in, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}

// magicBytes is enough to distinguish archives and pictures from texts.
const magicBytes = 512

// member returns the file as a member of its source. magic is its beginning.
func (f file) member(magic []byte) Member {
	code := encodingOf(magic)
	m := Member{Stored: f.stored}
	m.Path, m.Size, m.Modified, m.File = f.path, f.size, f.modified, f.disk
	if code != plain {
		m.Size = unknown // as UTF-8
	}
	m.Open = func() (io.ReadCloser, error) {
		in, err := f.reader()
		if err != nil {
			return nil, err
		}
		return code.decode(in), nil
	}
	m.Head = func(most int) ([]byte, error) {
		if code == noText {
			return magic, nil
		}
		if f.stream != nil {
			return f.stream.head(code, most)
		}
		in, err := m.Open()
		if err != nil {
			return nil, err
		}
		defer in.Close()
		var head bytes.Buffer
		if f.size > 0 {
			head.Grow(int(min(f.size, int64(most))) + bytes.MinRead) // at once, not by doubling
		}
		_, err = head.ReadFrom(io.LimitReader(in, int64(most)))
		return head.Bytes(), err
	}
	return m
}

// stream is an input that can be read only once. Its beginning can be peeked at first.
type stream struct{ *bufio.Reader }

func newStream(r io.Reader) *stream {
	return &stream{bufio.NewReaderSize(r, format.SampleBytes)}
}

// Peek returns the next n bytes, or fewer at the end.
func (s *stream) Peek(n int) ([]byte, error) {
	head, err := s.Reader.Peek(n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head, err
}

func (s *stream) head(code encoding, most int) ([]byte, error) {
	head, err := s.Peek(most)
	if err != nil {
		return nil, err
	}
	decoded, _ := io.ReadAll(code.decode(io.NopCloser(bytes.NewReader(head)))) // the end may cut a character in two
	return decoded, nil
}
