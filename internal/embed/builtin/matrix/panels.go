package matrix

// Width is the number of columns in a panel. One row of a panel fills two vector
// registers.
const Width = 16

// Panels is a matrix in the layout for multiplication: columns in groups of Width,
// each group stored row by row, so a kernel reads memory in order. The last group is
// padded with zeros.
type Panels struct {
	rows, cols int
	data       []float32
}

// NewPanels returns a matrix of zeros.
func NewPanels(rows, cols int) *Panels {
	p := &Panels{}
	p.Reset(rows, cols)
	return p
}

// Reset changes the size of p and reuses its memory if it is large enough. The
// values are undefined, except for the padding columns, which are zero.
func (p *Panels) Reset(rows, cols int) {
	p.rows, p.cols = rows, cols
	need := rows * Padded(cols)
	if cap(p.data) < need {
		p.data = make([]float32, need)
		return
	}
	p.data = p.data[:need]
	if cols%Width != 0 {
		clear(p.panel(cols / Width))
	}
}

// Padded returns the number of columns including the padding.
func Padded(cols int) int { return (cols + Width - 1) / Width * Width }

// Cols returns the number of columns without the padding.
func (p *Panels) Cols() int { return p.cols }

// panel returns the i-th group of columns.
func (p *Panels) panel(i int) []float32 {
	size := p.rows * Width
	return p.data[i*size : (i+1)*size]
}

// SetRow sets a row. values has one element per column.
func (p *Panels) SetRow(row int, values []float32) {
	for col := 0; col < p.cols; col += Width {
		end := min(col+Width, p.cols)
		copy(p.panel(col / Width)[row*Width:(row+1)*Width], values[col:end])
	}
}

// SetColumn sets a column. values has one element per row.
func (p *Panels) SetColumn(col int, values []float32) {
	to := p.panel(col / Width)[col%Width:]
	for row, v := range values[:p.rows] {
		to[row*Width] = v
	}
}
