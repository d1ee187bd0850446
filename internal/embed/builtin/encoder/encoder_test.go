package encoder

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/fault"
)

// plain is a matrix stored row by row.
type plain struct {
	rows, cols int
	values     []float32
}

func (m plain) Size() (rows, cols int)   { return m.rows, m.cols }
func (m plain) Row(dst []float32, i int) { copy(dst, m.values[i*m.cols:][:m.cols]) }

const testPieces = 50

// random makes weights of similar size as trained ones, so that no step outweighs the others.
func random() Weights {
	source := rand.New(rand.NewPCG(7, 8))
	noise := func(n int, size float64) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(source.NormFloat64() * size)
		}
		return values
	}
	dense := func(rows, cols int) Dense {
		return Dense{plain{rows, cols, noise(rows*cols, 1/math.Sqrt(float64(rows)))}, noise(cols, 0.1)}
	}
	norm := func(n int) Norm {
		scale := noise(n, 0.2)
		for i := range scale {
			scale[i]++
		}
		return Norm{scale, noise(n, 0.1)}
	}
	w := Weights{
		Embeddings: plain{testPieces, embedded, noise(testPieces*embedded, 0.5)}, Timescales: noise(embedded/2, 0.3),
		Residual: dense(embedded, Dimensions), Output: dense(Dimensions, Dimensions),
	}
	for i, size := range []int{embedded, Dimensions} {
		w.Layers[i] = Layer{
			AttentionNorm: norm(size), Query: dense(size, 3*size), Attention: dense(size, Dimensions),
			FFNNorm: norm(Dimensions), Up: dense(Dimensions, hidden), Down: dense(hidden, Dimensions),
		}
	}
	return w
}

// TestEncode compares every kernel with the formulas in their simplest form, computed in double precision.
func TestEncode(t *testing.T) {
	w := random()
	source := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{1, 2, 10, 17, MaxPieces} {
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = source.Int32N(testPieces)
		}
		want := naive(w, ids)
		for _, kernel := range matrix.Kernels() {
			e, err := New(w, kernel)
			require.NoError(t, err)
			scratch := NewScratch()
			_, err = e.Encode(scratch, []int32{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}) // old contents of the scratch memory have no effect
			require.NoError(t, err)
			got, err := e.Encode(scratch, ids)
			require.NoError(t, err)
			require.Len(t, got, Dimensions)
			for i, x := range want {
				require.InDelta(t, x, got[i], 1e-6, "kernel %s, %d pieces, number %d", kernel.Name, n, i)
			}
		}
	}
}

// Pieces that are encoded together do not affect each other.
func TestEncodeEach(t *testing.T) {
	for _, kernel := range matrix.Kernels() {
		e, err := New(random(), kernel)
		require.NoError(t, err)
		ids := []int32{3, 1, 4, 1, 5, 9, 2, 6}
		got, err := e.EncodeEach(NewScratch(), ids)
		require.NoError(t, err)
		require.Len(t, got, len(ids))
		for i, id := range ids {
			want, err := e.Encode(NewScratch(), []int32{id})
			require.NoError(t, err)
			require.Equal(t, want, got[i], "kernel %s, piece %d", kernel.Name, id)
		}
		_, err = e.EncodeEach(NewScratch(), nil)
		require.True(t, fault.Is(err, fault.Invalid))
	}
}

func TestEncodeRefuses(t *testing.T) {
	e, err := New(random(), matrix.Kernels()[0])
	require.NoError(t, err)
	require.Equal(t, testPieces, e.Pieces())
	for name, ids := range map[string][]int32{
		"no piece": {}, "too many": make([]int32, MaxPieces+1), "an unknown one": {1, testPieces}, "a negative one": {-1},
	} {
		_, err := e.Encode(NewScratch(), ids)
		require.True(t, fault.Is(err, fault.Invalid), name)
	}
}

func TestNewRefuses(t *testing.T) {
	for says, spoil := range map[string]func(*Weights){
		`no embeddings`:                        func(w *Weights) { w.Embeddings = nil },
		`embeddings have 1 columns`:            func(w *Weights) { w.Embeddings = plain{1, 1, nil} },
		`no weights "layer 1 up"`:              func(w *Weights) { w.Layers[1].Up.Matrix = nil },
		`"layer 0 down" have the size 1 x 2`:   func(w *Weights) { w.Layers[0].Down.Matrix = plain{1, 2, nil} },
		`"layer 0 query bias" have the size 0`: func(w *Weights) { w.Layers[0].Query.Bias = nil },
		`"output bias" have the size 1`:        func(w *Weights) { w.Output.Bias = make([]float32, 1) },
	} {
		w := random()
		spoil(&w)
		_, err := New(w, matrix.Portable())
		require.True(t, fault.Is(err, fault.Invalid), says)
		require.ErrorContains(t, err, says)
	}
}

func TestExp(t *testing.T) {
	for x := 0.0; x > -750; x = x*1.001 - 1e-4 {
		require.InDelta(t, 1, ratio(exp(x), math.Exp(x)), 1e-8, "%v", x)
	}
}

// ratio returns a/b; it counts a very small number as zero.
func ratio(a, b float64) float64 {
	if b < 1e-300 && a < 1e-300 {
		return 1
	}
	return a / b
}

// naive is the model in its simplest form.
func naive(w Weights, ids []int32) []float64 {
	n := len(ids)
	state := make([][]float64, n)
	for i, id := range ids {
		state[i] = make([]float64, embedded)
		for j := range state[i] {
			angle := float64(float32(i) * w.Timescales[j%(embedded/2)])
			signal := math.Sin(angle)
			if j >= embedded/2 {
				signal = math.Cos(angle)
			}
			state[i][j] = 2*at(w.Embeddings, int(id), j) + signal
		}
	}
	for number, l := range w.Layers {
		size, _ := l.Query.Matrix.Size()
		normed := make([][]float64, n)
		for i := range state {
			normed[i] = naiveNorm(l.AttentionNorm, state[i])
		}
		mixed := naiveAttention(naiveDense(l.Query, normed), size)
		if number == 0 {
			state = naiveDense(w.Residual, state)
		}
		plus(state, naiveDense(l.Attention, mixed))
		for i := range state {
			normed[i] = naiveNorm(l.FFNNorm, state[i])
		}
		up := naiveDense(l.Up, normed)
		for _, row := range up {
			for j, x := range row {
				row[j] = math.Max(x, 0)
			}
		}
		plus(state, naiveDense(l.Down, up))
	}
	mean := make([]float64, Dimensions)
	for _, row := range state {
		for j, x := range row {
			mean[j] += x / float64(n)
		}
	}
	vector := naiveDense(w.Output, [][]float64{mean})[0]
	var squares float64
	for j, x := range vector {
		vector[j] = math.Tanh(x)
		squares += vector[j] * vector[j]
	}
	for j := range vector {
		vector[j] /= math.Sqrt(squares)
	}
	return vector
}

func at(m Matrix, i, j int) float64 {
	p := m.(plain)
	return float64(p.values[i*p.cols+j])
}

func plus(to, add [][]float64) {
	for i := range to {
		for j := range to[i] {
			to[i][j] += add[i][j]
		}
	}
}

func naiveDense(d Dense, in [][]float64) [][]float64 {
	rows, cols := d.Matrix.Size()
	out := make([][]float64, len(in))
	for i := range in {
		out[i] = make([]float64, cols)
		for j := range cols {
			out[i][j] = float64(d.Bias[j])
		}
		for k := range rows {
			for j, x := range d.Matrix.(plain).values[k*cols:][:cols] {
				out[i][j] += in[i][k] * float64(x)
			}
		}
	}
	return out
}

func naiveNorm(by Norm, in []float64) []float64 {
	var mean, variance float64
	for _, x := range in {
		mean += x / float64(len(in))
	}
	for _, x := range in {
		variance += (x - mean) * (x - mean) / float64(len(in))
	}
	out := make([]float64, len(in))
	for i, x := range in {
		out[i] = float64(by.Scale[i])*(x-mean)/math.Sqrt(variance+epsilon) + float64(by.Shift[i])
	}
	return out
}

func naiveAttention(qkv [][]float64, size int) [][]float64 {
	width := size / heads
	out := make([][]float64, len(qkv))
	for i := range qkv {
		out[i] = make([]float64, size)
		for h := 0; h < size; h += width {
			weights := make([]float64, len(qkv))
			var sum float64
			for k := range qkv {
				for j := range width {
					weights[k] += qkv[i][h+j] * qkv[k][size+h+j]
				}
				weights[k] = math.Exp(weights[k] / math.Sqrt(float64(width)))
				sum += weights[k]
			}
			for k := range qkv {
				for j := range width {
					out[i][h+j] += weights[k] / sum * qkv[k][2*size+h+j]
				}
			}
		}
	}
	return out
}
