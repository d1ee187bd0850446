package modelfile

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
	"github.com/lethe-chat/lethe/internal/fault"
)

// plain is a matrix stored row by row.
type plain struct {
	rows, cols int
	values     []float32
}

func (m plain) Size() (rows, cols int)   { return m.rows, m.cols }
func (m plain) Row(dst []float32, i int) { copy(dst, m.values[i*m.cols:][:m.cols]) }

func noise(random *rand.Rand, rows, cols int) plain {
	m := plain{rows, cols, make([]float32, rows*cols)}
	for i := range m.values {
		m.values[i] = float32(random.NormFloat64() * math.Exp(random.Float64()*8-4))
	}
	return m
}

// odd makes weights with all sizes different, because the format does not fix the sizes of the model.
func odd() ([]pieces.Piece, encoder.Weights) {
	random := rand.New(rand.NewPCG(11, 12))
	var w encoder.Weights
	w.Embeddings = noise(random, 9, 4)
	for i, m := range w.Matrices() {
		*m.At = noise(random, i+2, i+1)
	}
	for i, v := range w.Vectors() {
		*v.At = noise(random, 1, i).values
	}
	return []pieces.Piece{{Text: "\ufffd"}, {Text: "▁the", Score: -3.5663714408912345}, {Text: ":30", Score: 30}}, w
}

func TestWriteAndRead(t *testing.T) {
	vocabulary, w := odd()
	file, err := Write(vocabulary, w)
	require.NoError(t, err)
	again, err := Write(vocabulary, w)
	require.NoError(t, err)
	require.Equal(t, file, again)

	gotVocabulary, got, err := Read(file)
	require.NoError(t, err)
	require.Equal(t, vocabulary, gotVocabulary)
	for i, v := range w.Vectors() {
		require.Equal(t, *v.At, *got.Vectors()[i].At, v.Name)
	}
	requireNear(t, "embeddings", w.Embeddings, got.Embeddings, func(i, _ int) int { return i })
	for i, m := range w.Matrices() {
		requireNear(t, m.Name, *m.At, *got.Matrices()[i].At, func(_, j int) int { return j })
	}
}

// requireNear checks that no weight moved by more than half a step. A step is 1/127 of the largest weight with the
// same scale.
func requireNear(t *testing.T, name string, want, got encoder.Matrix, scale func(i, j int) int) {
	t.Helper()
	rows, cols := want.Size()
	gotRows, gotCols := got.Size()
	require.Equal(t, []int{rows, cols}, []int{gotRows, gotCols}, name)
	values, largestOf := make([][2][]float32, rows), map[int]float64{}
	for i := range rows {
		values[i] = [2][]float32{make([]float32, cols), make([]float32, cols)}
		want.Row(values[i][0], i)
		got.Row(values[i][1], i)
		for j, x := range values[i][0] {
			largestOf[scale(i, j)] = max(largestOf[scale(i, j)], math.Abs(float64(x)))
		}
	}
	for i := range rows {
		for j := range cols {
			step := largestOf[scale(i, j)] / 127
			require.InDelta(t, values[i][0][j], values[i][1][j], step*0.50001, "%s at %d, %d", name, i, j)
		}
	}
}

func TestRound(t *testing.T) {
	for x, want := range map[float32]int8{0: 0, 1: 1, -1: -1, 0.5: 0, 1.5: 2, -2.5: -2, 127: 127, 127.4: 127, 999: 127, -999: -127} {
		require.Equal(t, want, int8(round(x, 1)), "%v", x)
	}
	require.Zero(t, round(0, 0), "a column of zeros")
}

func TestWriteRefusesALongPiece(t *testing.T) {
	_, w := odd()
	_, err := Write([]pieces.Piece{{Text: string(make([]byte, 256))}}, w)
	require.True(t, fault.Is(err, fault.Invalid))
}

// A file that was cut off is invalid, and so is one with additional bytes at the end.
func TestReadRefuses(t *testing.T) {
	file, err := Write(odd())
	require.NoError(t, err)
	for n := range file {
		_, _, err := Read(file[:n])
		require.True(t, fault.Is(err, fault.Invalid), "%d bytes", n)
	}
	_, _, err = Read(append(file[:len(file):len(file)], 0))
	require.True(t, fault.Is(err, fault.Invalid))
}

// Writing the contents of the committed file again gives the same file.
func TestTheModelIsInThisFormat(t *testing.T) {
	file, err := os.ReadFile("../model/use-lite-int8-v1.bin")
	require.NoError(t, err)
	vocabulary, w, err := Read(file)
	require.NoError(t, err)
	require.Len(t, vocabulary, 8000)
	again, err := Write(vocabulary, w)
	require.NoError(t, err)
	require.Len(t, again, len(file))
}

func FuzzRead(f *testing.F) {
	file, err := Write(odd())
	require.NoError(f, err)
	f.Add(file)
	f.Add([]byte(format))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, w, err := Read(file); err == nil {
			rows, cols := w.Embeddings.Size()
			if rows > 0 {
				w.Embeddings.Row(make([]float32, cols), rows-1)
			}
		}
	})
}
