package container

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflate unpacks an entry of a zip archive. It is a third faster than that of the standard
// library, and reads the archive in larger pieces.
func inflate(packed io.Reader) io.ReadCloser {
	return flate.NewReader(bufio.NewReaderSize(packed, inflateBuffer))
}

const inflateBuffer = 128 << 10
