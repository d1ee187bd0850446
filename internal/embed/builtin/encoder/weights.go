package encoder

import (
	"github.com/lethe-chat/lethe/internal/fault"
)

// The model's sizes.
const (
	MaxPieces  = 128 // pieces per text
	Dimensions = 512 // of the vectors, and of everything after the first attention

	embedded = 256  // size of a piece's embedding
	hidden   = 1536 // size between the two dense steps of a layer
	heads    = 4
	layers   = 2
)

// Matrix is a matrix of weights in any storage format.
type Matrix interface {
	Size() (rows, cols int)
	// Row writes row i into dst, which has one element per column.
	Row(dst []float32, i int)
}

// Dense multiplies with a matrix of (inputs x outputs) and adds a bias.
type Dense struct {
	Matrix Matrix
	Bias   []float32
}

// Norm normalizes values to mean 0 and variance 1, then scales and shifts them.
type Norm struct{ Scale, Shift []float32 }

// Layer holds the weights of one of the two layers.
type Layer struct {
	AttentionNorm Norm
	Query         Dense // query, key and value, side by side
	Attention     Dense // behind the heads
	FFNNorm       Norm
	Up, Down      Dense // to the hidden size, and back
}

// Weights holds all learned weights of the model.
type Weights struct {
	Embeddings Matrix    // one row per piece
	Timescales []float32 // frequencies of the position signals, in radians per position
	Residual   Dense     // brings the embeddings to the size of the first layer's output
	Layers     [layers]Layer
	Output     Dense
}

// Named is a part of the weights with its name, as Matrices and Vectors list it.
type Named[T any] struct {
	Name string
	At   *T
}

// Matrices lists every weight matrix in a fixed order.
func (w *Weights) Matrices() []Named[Matrix] {
	list := []Named[Matrix]{{"residual", &w.Residual.Matrix}}
	for i, prefix := range layerNames {
		l := &w.Layers[i]
		list = append(list,
			Named[Matrix]{prefix + "query", &l.Query.Matrix}, Named[Matrix]{prefix + "attention", &l.Attention.Matrix},
			Named[Matrix]{prefix + "up", &l.Up.Matrix}, Named[Matrix]{prefix + "down", &l.Down.Matrix})
	}
	return append(list, Named[Matrix]{"output", &w.Output.Matrix})
}

// Vectors lists every weight vector in a fixed order.
func (w *Weights) Vectors() []Named[[]float32] {
	list := []Named[[]float32]{{"timescales", &w.Timescales}, {"residual bias", &w.Residual.Bias}}
	for i, prefix := range layerNames {
		l := &w.Layers[i]
		list = append(list,
			Named[[]float32]{prefix + "attention norm scale", &l.AttentionNorm.Scale}, Named[[]float32]{prefix + "attention norm shift", &l.AttentionNorm.Shift},
			Named[[]float32]{prefix + "query bias", &l.Query.Bias}, Named[[]float32]{prefix + "attention bias", &l.Attention.Bias},
			Named[[]float32]{prefix + "ffn norm scale", &l.FFNNorm.Scale}, Named[[]float32]{prefix + "ffn norm shift", &l.FFNNorm.Shift},
			Named[[]float32]{prefix + "up bias", &l.Up.Bias}, Named[[]float32]{prefix + "down bias", &l.Down.Bias})
	}
	return append(list, Named[[]float32]{"output bias", &w.Output.Bias})
}

var layerNames = [layers]string{"layer 0 ", "layer 1 "}

// check returns an error that names the first part with a wrong size.
func (w *Weights) check() error {
	if w.Embeddings == nil {
		return fault.Invalidf("the model has no embeddings")
	}
	if _, cols := w.Embeddings.Size(); cols != embedded {
		return fault.Invalidf("the model's embeddings have %d columns, not %d", cols, embedded)
	}
	into := [layers]int{embedded, Dimensions} // input size of each layer's attention
	matrices := [][2]int{{embedded, Dimensions}}
	vectors := []int{embedded / 2, Dimensions}
	for _, size := range into {
		matrices = append(matrices, [2]int{size, 3 * size}, [2]int{size, Dimensions}, [2]int{Dimensions, hidden}, [2]int{hidden, Dimensions})
		vectors = append(vectors, size, size, 3*size, Dimensions, Dimensions, Dimensions, hidden, Dimensions)
	}
	matrices, vectors = append(matrices, [2]int{Dimensions, Dimensions}), append(vectors, Dimensions)
	for i, m := range w.Matrices() {
		if *m.At == nil {
			return fault.Invalidf("the model has no weights %q", m.Name)
		}
		if rows, cols := (*m.At).Size(); rows != matrices[i][0] || cols != matrices[i][1] {
			return fault.Invalidf("the model's weights %q have the size %d x %d, not %d x %d", m.Name, rows, cols, matrices[i][0], matrices[i][1])
		}
	}
	for i, v := range w.Vectors() {
		if len(*v.At) != vectors[i] {
			return fault.Invalidf("the model's weights %q have the size %d, not %d", v.Name, len(*v.At), vectors[i])
		}
	}
	return nil
}
