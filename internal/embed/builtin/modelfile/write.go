package modelfile

import (
	"encoding/binary"
	"math"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
	"github.com/lethe-chat/lethe/internal/fault"
)

// format is the first line of the file: its name and version.
const format = "lethe: Universal Sentence Encoder lite, int8, version 1\n"

// Write rounds the weights and returns the file. The same weights give the same
// bytes on every machine. The error is Invalid when a piece is longer than 255 bytes.
func Write(vocabulary []pieces.Piece, w encoder.Weights) ([]byte, error) {
	f := writer{b: []byte(format)}
	f.length(len(vocabulary))
	for id, p := range vocabulary {
		if len(p.Text) > math.MaxUint8 {
			return nil, fault.Invalidf("piece %d of the vocabulary has %d bytes; at most %d fit", id, len(p.Text), math.MaxUint8)
		}
		f.b = binary.LittleEndian.AppendUint64(f.b, math.Float64bits(p.Score))
		f.b = append(f.b, byte(len(p.Text)))
		f.b = append(f.b, p.Text...)
	}
	f.matrix(byColumn(roundRows(w.Embeddings)))
	for _, m := range w.Matrices() {
		f.matrix(roundColumns(*m.At))
	}
	for _, v := range w.Vectors() {
		f.length(len(*v.At))
		f.floats(*v.At)
	}
	return f.b, nil
}

type writer struct{ b []byte }

func (f *writer) length(n int) {
	f.b = binary.LittleEndian.AppendUint32(f.b, uint32(n)) //nolint:gosec // lengths in memory fit
}

func (f *writer) floats(values []float32) {
	for _, x := range values {
		f.b = binary.LittleEndian.AppendUint32(f.b, math.Float32bits(x))
	}
}

func (f *writer) matrix(m byColumn) {
	f.length(m.rows)
	f.length(m.cols)
	f.floats(m.scales)
	f.b = append(f.b, m.values...)
}
