package encoder

import (
	"math"

	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
)

// Scratch is the working memory for encoding one text, 1.9 MB. It can be reused for
// text after text, by one goroutine at a time.
type Scratch struct {
	n      int         // number of pieces of the current text
	state  matrix.Rows // one row per piece, between the steps
	normed matrix.Rows // the input of a step, then its output before it is added to the state
	wide   matrix.Rows // query, key and value of attention, then the hidden values
	mixed  matrix.Rows // the output of the heads
	scores matrix.Rows // attention weights of one head

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

// begin sets the state to the embeddings plus the position signals. The published
// graph adds the embedding a second time after the signal. Pieces that are encoded
// apart all have the first position.
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

// attend adds the output of attention to the state. In the first layer it also
// brings the state to its final size. A piece that is encoded apart attends only to
// itself, so its output is its own value.
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

// look computes one attention head: the query of each piece times the key of each
// piece gives the weight of that piece's value.
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

// feed adds the output of the two dense steps to the state.
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

// add adds normed, the output of a step, to the state.
func (s *Scratch) add() {
	for i := range s.n {
		state := row(s.state, i, Dimensions)
		for j, x := range row(s.normed, i, Dimensions) {
			state[j] += x
		}
	}
}

// unit applies tanh, as the published graph does, and scales to length one.
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
