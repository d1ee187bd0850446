package encoder

import (
	"math"

	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Encoder is the model, ready to compute. It is immutable: any number of goroutines
// may use it, each with its own Scratch.
type Encoder struct {
	kernel     matrix.Kernel
	embeddings Matrix
	places     []float32 // position signals, one row per position
	residual   dense
	layers     [layers]layer
	output     dense
}

// dense is a Dense in the memory layout of a kernel.
type dense struct {
	by   *matrix.Panels
	bias []float32
}

type layer struct {
	size                   int // of the attention's input
	attentionNorm, ffnNorm Norm
	query, attention       dense
	up, down               dense
}

// New copies the weights into the layout of a kernel, which takes some milliseconds
// and 20 MB. The embeddings are used in place. The error is Invalid when a part is
// missing or has the wrong size.
func New(w Weights, kernel matrix.Kernel) (*Encoder, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	e := &Encoder{
		kernel: kernel, embeddings: w.Embeddings, places: places(w.Timescales),
		residual: layOut(w.Residual), output: layOut(w.Output),
	}
	for i, l := range w.Layers {
		size, _ := l.Query.Matrix.Size()
		e.layers[i] = layer{
			size: size, attentionNorm: l.AttentionNorm, ffnNorm: l.FFNNorm,
			query: layOut(l.Query), attention: layOut(l.Attention), up: layOut(l.Up), down: layOut(l.Down),
		}
	}
	return e, nil
}

func layOut(d Dense) dense {
	rows, cols := d.Matrix.Size()
	by := matrix.NewPanels(rows, cols)
	row := make([]float32, cols)
	for i := range rows {
		d.Matrix.Row(row, i)
		by.SetRow(i, row)
	}
	return dense{by, d.Bias}
}

// places returns the position signals: sines, then cosines, of waves from short to
// long.
func places(timescales []float32) []float32 {
	signals := make([]float32, MaxPieces*embedded)
	for place := range MaxPieces {
		row := signals[place*embedded:][:embedded]
		for i, scale := range timescales {
			angle := float64(float32(place) * scale)
			row[i], row[len(timescales)+i] = float32(math.Sin(angle)), float32(math.Cos(angle))
		}
	}
	return signals
}

// Pieces returns the size of the model's vocabulary.
func (e *Encoder) Pieces() int {
	n, _ := e.embeddings.Size()
	return n
}

// Encode returns the unit vector of 1 to MaxPieces pieces. The error is Invalid for
// any other number of pieces and for an id outside the vocabulary.
func (e *Encoder) Encode(s *Scratch, ids []int32) ([]float32, error) {
	if err := e.check(ids); err != nil {
		return nil, err
	}
	e.run(s, ids, false)
	mean := row(s.normed, 0, Dimensions)
	clear(mean)
	for i := range s.n {
		for j, x := range row(s.state, i, Dimensions) {
			mean[j] += x
		}
	}
	for j := range mean {
		mean[j] /= float32(s.n)
	}
	e.kernel.Multiply(s.mixed, s.normed, 1, e.output.by, e.output.bias)
	return unit(row(s.mixed, 0, Dimensions)), nil
}

// EncodeEach returns the unit vectors of 1 to MaxPieces pieces, each treated as a
// separate text. All of them take little longer than one, because most of the time
// goes into reading the weights. The errors are those of Encode.
func (e *Encoder) EncodeEach(s *Scratch, ids []int32) ([][]float32, error) {
	if err := e.check(ids); err != nil {
		return nil, err
	}
	e.run(s, ids, true)
	e.kernel.Multiply(s.mixed, s.state, s.n, e.output.by, e.output.bias)
	vectors := make([][]float32, len(ids))
	for i := range vectors {
		vectors[i] = unit(row(s.mixed, i, Dimensions))
	}
	return vectors, nil
}

func (e *Encoder) check(ids []int32) error {
	if len(ids) == 0 || len(ids) > MaxPieces {
		return fault.Invalidf("a text of %d pieces cannot be encoded at once; it must have 1 to %d", len(ids), MaxPieces)
	}
	for _, id := range ids {
		if id < 0 || int(id) >= e.Pieces() {
			return fault.Invalidf("piece %d is unknown to the model, which has %d", id, e.Pieces())
		}
	}
	return nil
}

// run computes the states of the pieces, which form one text or, if apart is set,
// one text each.
func (e *Encoder) run(s *Scratch, ids []int32, apart bool) {
	s.n = len(ids)
	e.begin(s, ids, apart)
	for i := range e.layers {
		e.attend(s, &e.layers[i], i == 0, apart)
		e.feed(s, &e.layers[i])
	}
}
