package matrix

// Width is how many columns of a matrix lie together. A row of a panel is two
// vector registers.
const Width = 16

// Panels is a matrix laid out for multiplication: columns in groups of Width,
// each group row after row, so that a kernel reads memory in order. The last
// group is filled up with zeros.
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

// Reset makes p a matrix of another size, in the same memory where that is
// enough. Its values are those that were there, but for the columns that fill up
// the last group, which are zeros.
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

// Padded is the number of columns with the last group filled up.
func Padded(cols int) int { return (cols + Width - 1) / Width * Width }

// Cols is the number of columns, without what fills up the last group.
func (p *Panels) Cols() int { return p.cols }

// panel is the i-th group of columns.
func (p *Panels) panel(i int) []float32 {
	size := p.rows * Width
	return p.data[i*size : (i+1)*size]
}

// SetRow fills a row. values has an element a column.
func (p *Panels) SetRow(row int, values []float32) {
	for col := 0; col < p.cols; col += Width {
		end := min(col+Width, p.cols)
		copy(p.panel(col / Width)[row*Width:(row+1)*Width], values[col:end])
	}
}

// SetColumn fills a column. values has an element a row.
func (p *Panels) SetColumn(col int, values []float32) {
	to := p.panel(col / Width)[col%Width:]
	for row, v := range values[:p.rows] {
		to[row*Width] = v
	}
}
