package exportstest

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// The size of the file for the memory test, and the maximum memory of a reader.
const (
	largeFile  = 24 << 20
	mostMemory = 12 << 20
)

// memory reads a large file that repeats the same elements. The memory of the reader does not grow with the file.
func (s suite) memory(t *testing.T) {
	for _, m := range s.members() {
		data := content(t, m)
		ends := elementEnds(data)
		if len(ends) == 0 {
			continue // a session is one conversation, which is in memory as a whole
		}
		body := data[bytes.IndexByte(data, '[')+1 : ends[len(ends)-1]]
		m.Open = func() (io.ReadCloser, error) { return io.NopCloser(repeated(body)), nil }
		before := inUse()
		taken, most := 0, uint64(0)
		err := s.format.Read(context.Background(), m, &format.Out{Take: func(format.Conversation) error {
			if taken++; taken%2000 == 1000 {
				most = max(most, inUse())
			}
			return nil
		}})
		require.NoError(t, err)
		require.Less(t, int64(most)-int64(before), int64(mostMemory), "%s: memory after %d conversations", m.Path, taken)
		return // one file is enough
	}
}

func inUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// repeated is an array with elements again and again.
func repeated(elements []byte) io.Reader {
	parts := []io.Reader{bytes.NewReader([]byte("[")), bytes.NewReader(elements)}
	for size := len(elements); size < largeFile; size += len(elements) + 1 {
		parts = append(parts, bytes.NewReader([]byte(",")), bytes.NewReader(elements))
	}
	return io.MultiReader(append(parts, bytes.NewReader([]byte("]")))...)
}
