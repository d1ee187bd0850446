package format

import (
	"bufio"
	"errors"
	"io"
)

// Peek opens a member, looks at its first bytes, at most SampleBytes, and returns them as a
// sample with a member whose first Open goes on with the same reader, so that standard input
// can be looked at too. If that member is not opened, nobody closes the reader.
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

// peeked reads through a buffer and closes what is below.
type peeked struct {
	io.Reader
	io.Closer
}
