package encoder

import (
	"math"

	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
)

// Scratch is the memory that encoding a text needs, 1.9 MB. It serves one text
// after another; it is for one goroutine at a time.
type Scratch struct {
	n      int         // pieces of the text at work
	state  matrix.Rows // a row a piece, between the steps
	normed matrix.Rows // the input of a step; then what it adds to the state
	wide   matrix.Rows // query, key and value of attention; then the hidden values
	mixed  matrix.Rows // the output of the heads
	scores matrix.Rows // of one head: how much each piece looks at each

	keys, values *matrix.Panels // of one head
}

// NewScratch returns memory for texts of any length that Encode takes.
func NewScratch() *Scratch {
	block := func(cols int) matrix.Rows {
		return matrix.Rows{Data: make([]float32, (MaxPieces+matrix.SpareRows)*cols), Stride: cols}
	}
	return &Scratch{
		state: block(Dimensions), normed: block(Dimensions), wide: block(hidden), mixed: block(Dimensions),
		scores: block(MaxPieces),
		keys:   matrix.NewPanels(Dimensions/heads, MaxPieces), values: matrix.NewPanels(MaxPieces, Dimensions/heads),
	}
}

func row(r matrix.Rows, i, n int) []float32 { return r.Data[i*r.Stride:][:n] }

// begin sets the state to the embeddings and the signals of place. The graph adds
// the embedding a second time after the signal. Pieces that are apart are all in
// the first place.
func (e *Encoder) begin(s *Scratch, ids []int32, apart bool) {
	for i, id := range ids {
		state := row(s.state, i, embedded)
		e.embeddings.Row(state, int(id))
		place := i
		if apart {
			place = 0
		}
		for j, signal := range e.places[place*embedded:][:embedded] {
			state[j] += state[j] + signal
		}
	}
}

// attend adds to each piece's state what it gathers from all pieces. In the first
// layer it also brings the state to its later size. A piece that is apart has only
// itself to look at, and takes its own value whole.
func (e *Encoder) attend(s *Scratch, l *layer, first, apart bool) {
	s.normalize(l.attentionNorm)
	e.apply(s, s.wide, s.normed, l.query)
	if apart {
		for i := range s.n {
			copy(row(s.mixed, i, l.size), row(s.wide, i, 3*l.size)[2*l.size:])
		}
	} else {
		for head := range heads {
			e.look(s, l.size, head)
		}
	}
	if first {
		e.apply(s, s.normed, s.state, e.residual)
		s.state, s.normed = s.normed, s.state
	}
	e.apply(s, s.normed, s.mixed, l.attention)
	s.add()
}

// look is one head of attention: each piece's query against each piece's key says
// how much of that piece's value it takes.
func (e *Encoder) look(s *Scratch, size, head int) {
	width := size / heads
	query, key, value := head*width, size+head*width, 2*size+head*width
	s.keys.Reset(width, s.n)
	s.values.Reset(s.n, width)
	for i := range s.n {
		wide := row(s.wide, i, 3*size)
		s.keys.SetColumn(i, wide[key:key+width])
		s.values.SetRow(i, wide[value:value+width])
	}
	queries := matrix.Rows{Data: s.wide.Data[query:], Stride: s.wide.Stride}
	e.kernel.Multiply(s.scores, queries, s.n, s.keys, nil)
	scale := float32(1 / math.Sqrt(float64(width)))
	for i := range s.n {
		softmax(row(s.scores, i, s.n), scale)
	}
	out := matrix.Rows{Data: s.mixed.Data[head*width:], Stride: s.mixed.Stride}
	e.kernel.Multiply(out, s.scores, s.n, s.values, nil)
}

// feed adds to each piece's state what two dense steps make of it.
func (e *Encoder) feed(s *Scratch, l *layer) {
	s.normalize(l.ffnNorm)
	e.apply(s, s.wide, s.normed, l.up)
	for i := range s.n {
		for j, x := range row(s.wide, i, hidden) {
			s.wide.Data[i*hidden+j] = max(x, 0)
		}
	}
	e.apply(s, s.normed, s.wide, l.down)
	s.add()
}

func (e *Encoder) apply(s *Scratch, out, in matrix.Rows, d dense) {
	e.kernel.Multiply(out, in, s.n, d.by, d.bias)
}

// add adds to the state what a step left in normed.
func (s *Scratch) add() {
	for i := range s.n {
		state := row(s.state, i, Dimensions)
		for j, x := range row(s.normed, i, Dimensions) {
			state[j] += x
		}
	}
}

// unit squeezes an output (the graph's tanh) and scales it to length one.
func unit(output []float32) []float32 {
	vector := make([]float32, len(output))
	var squares float64
	for j, x := range output {
		y := math.Tanh(float64(x))
		vector[j] = float32(y)
		squares += y * y
	}
	length := math.Sqrt(max(squares, 1e-12)) // the graph's own guard against dividing by zero
	for j := range vector {
		vector[j] = float32(float64(vector[j]) / length)
	}
	return vector
}
