package modelfile

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Read parses a file. The matrices refer to the memory of the file, which must not
// change. The error is Invalid when the file is incomplete or has another format.
func Read(file []byte) ([]pieces.Piece, encoder.Weights, error) {
	var w encoder.Weights
	rest, ok := bytes.CutPrefix(file, []byte(format))
	if !ok {
		return nil, w, fault.Invalidf("the model's file does not begin with %q", format)
	}
	f := reader{rest: rest}
	vocabulary := make([]pieces.Piece, 0, f.limited(f.length(), 9)) // a score and a length
	for range cap(vocabulary) {
		score := f.take(8)
		text := f.take(f.size8())
		if f.short {
			break
		}
		vocabulary = append(vocabulary, pieces.Piece{Text: string(text), Score: math.Float64frombits(binary.LittleEndian.Uint64(score))})
	}
	w.Embeddings = byRow(f.matrix(func(rows, _ int) int { return rows }))
	for _, m := range w.Matrices() {
		*m.At = f.matrix(func(_, cols int) int { return cols })
	}
	for _, v := range w.Vectors() {
		*v.At = f.floats(f.length())
	}
	if f.short || len(f.rest) > 0 {
		return nil, w, fault.Invalidf("the model's file is cut off, or goes on behind its end")
	}
	return vocabulary, w, nil
}

// reader reads the parts of a file in order. If one is missing, short is set and
// every later part is empty.
type reader struct {
	rest  []byte
	short bool
}

func (f *reader) take(n int) []byte {
	if f.short || n < 0 || n > len(f.rest) {
		f.short = true
		return nil
	}
	part := f.rest[:n:n]
	f.rest = f.rest[n:]
	return part
}

func (f *reader) size8() int {
	if part := f.take(1); part != nil {
		return int(part[0])
	}
	return 0
}

func (f *reader) length() int {
	if part := f.take(4); part != nil {
		return int(binary.LittleEndian.Uint32(part))
	}
	return 0
}

// limited returns n, or 0 if the rest of the file is too small for n parts of that
// size.
func (f *reader) limited(n, size int) int {
	if n > len(f.rest)/size {
		f.short = true
		return 0
	}
	return n
}

func (f *reader) floats(n int) []float32 {
	part := f.take(4 * f.limited(n, 4))
	values := make([]float32, len(part)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(part[4*i:]))
	}
	return values
}

// matrix reads a matrix. The number of scales depends on its size.
func (f *reader) matrix(scales func(rows, cols int) int) byColumn {
	m := byColumn{rows: f.length(), cols: f.length()}
	m.scales = f.floats(scales(m.rows, m.cols))
	if m.cols > 0 {
		m.rows = f.limited(m.rows, m.cols)
	}
	m.values = f.take(m.rows * m.cols)
	return m
}
