package format

import (
	"bufio"
	"errors"
	"io"
)

// Peek opens a member and reads up to SampleBytes. It returns them as a sample, and a member whose first Open
// continues with the same reader, so that it also works with standard input. If that member is not opened, the reader
// is not closed.
func (m Member) Peek(bytes int) (*Sample, Member, error) {
	file, err := m.Open()
	if err != nil {
		return nil, m, err
	}
	in := bufio.NewReaderSize(file, min(bytes, SampleBytes))
	head, err := in.Peek(min(bytes, SampleBytes))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, m, errors.Join(err, file.Close())
	}
	sample := NewSample(m.Path, head)
	again := m.Open
	opened := false
	m.Open = func() (io.ReadCloser, error) {
		if opened {
			return again()
		}
		opened = true
		return peeked{Reader: in, Closer: file}, nil
	}
	return sample, m, nil
}

// peeked reads through a buffer and closes the underlying reader.
type peeked struct {
	io.Reader
	io.Closer
}
