package modelfile

import (
	"math"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
)

// largest is the largest absolute value of a rounded weight. -128 is not used, so
// the range is symmetric.
const largest = 127

// byColumn is an integer matrix with one scale per column, because the weights of
// each output of a dense step have their own magnitude.
type byColumn struct {
	rows, cols int
	scales     []float32
	values     []byte // int8
}

func (m byColumn) Size() (rows, cols int) { return m.rows, m.cols }

func (m byColumn) Row(dst []float32, i int) {
	values := m.values[i*m.cols:][:m.cols]
	scales := m.scales[:len(values)]
	for j, v := range values {
		dst[j] = float32(int8(v)) * scales[j] //nolint:gosec // the conversion restores the sign bit
	}
}

// byRow is an integer matrix with one scale per row, because the embedding of each
// piece has its own magnitude.
type byRow byColumn

func (m byRow) Size() (rows, cols int) { return m.rows, m.cols }

func (m byRow) Row(dst []float32, i int) {
	scale := m.scales[i]
	for j, v := range m.values[i*m.cols:][:m.cols] {
		dst[j] = float32(int8(v)) * scale //nolint:gosec // the conversion restores the sign bit
	}
}

// roundColumns and roundRows choose each scale so that the largest weight becomes 127.
func roundColumns(m encoder.Matrix) byColumn {
	rows, cols := m.Size()
	q := byColumn{rows, cols, make([]float32, cols), make([]byte, 0, rows*cols)}
	row := make([]float32, cols)
	for i := range rows {
		m.Row(row, i)
		for j, x := range row {
			q.scales[j] = max(q.scales[j], abs(x))
		}
	}
	for j := range q.scales {
		q.scales[j] /= largest
	}
	for i := range rows {
		m.Row(row, i)
		for j, x := range row {
			q.values = append(q.values, round(x, q.scales[j]))
		}
	}
	return q
}

func roundRows(m encoder.Matrix) byRow {
	rows, cols := m.Size()
	q := byRow{rows, cols, make([]float32, rows), make([]byte, 0, rows*cols)}
	row := make([]float32, cols)
	for i := range rows {
		m.Row(row, i)
		for _, x := range row {
			q.scales[i] = max(q.scales[i], abs(x))
		}
		q.scales[i] /= largest
		for _, x := range row {
			q.values = append(q.values, round(x, q.scales[i]))
		}
	}
	return q
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

// round gives the same result on every processor: one division and one rounding.
func round(x, scale float32) byte {
	if scale == 0 {
		return 0
	}
	q := math.RoundToEven(float64(x) / float64(scale))
	return byte(int8(max(-largest, min(largest, q)))) //nolint:gosec // the conversion keeps the sign bit
}
