package matrix

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// noise returns values whose exact sums no kernel can reach by chance.
func noise(random *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(random.NormFloat64())
	}
	return values
}

// TestKernels compares every kernel of this processor with sums in double precision, at sizes around the kernels'
// block sizes.
func TestKernels(t *testing.T) {
	require.Equal(t, "portable", Kernels()[len(Kernels())-1].Name)
	for _, kernel := range Kernels() {
		t.Run(kernel.Name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for n := 0; n <= 26; n++ {
				for _, size := range [][2]int{{1, 16}, {3, 1}, {64, 17}, {110, 48}, {256, 32}, {5, 100}} {
					for _, biased := range []bool{true, false} {
						checkProduct(t, kernel, random, n, size[0], size[1], biased)
					}
				}
			}
		})
	}
}

func checkProduct(t *testing.T, kernel Kernel, random *rand.Rand, n, k, cols int, biased bool) {
	t.Helper()
	in := Rows{noise(random, (n+SpareRows)*(k+2)), k + 2}
	out := Rows{noise(random, (n+SpareRows)*Padded(cols)), Padded(cols)}
	by := NewPanels(k, cols)
	values := noise(random, k*cols)
	for row := range k {
		by.SetRow(row, values[row*cols:(row+1)*cols])
	}
	var bias []float32
	if biased {
		bias = noise(random, Padded(cols))
	}
	kernel.Multiply(out, in, n, by, bias)
	for i := range n {
		for j := range cols {
			var want, size float64
			if biased {
				want = float64(bias[j])
			}
			for x, a := range in.row(i, k) {
				product := float64(a) * float64(values[x*cols+j])
				want, size = want+product, size+math.Abs(product)
			}
			got := float64(out.row(i, cols)[j])
			require.InDelta(t, want, got, 1e-6*(size+1), "%d rows, %d x %d, bias %v, at %d, %d", n, k, cols, biased, i, j)
		}
	}
}

// The results of two kernels differ only in the last bits.
func TestKernelsAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const n, k, cols = 23, 512, 1536
	by := NewPanels(k, cols)
	for row := range k {
		by.SetRow(row, noise(random, cols))
	}
	in := Rows{noise(random, (n+SpareRows)*k), k}
	want := Rows{make([]float32, (n+SpareRows)*cols), cols}
	Portable().Multiply(want, in, n, by, nil)
	for _, kernel := range Kernels() {
		got := Rows{make([]float32, (n+SpareRows)*cols), cols}
		kernel.Multiply(got, in, n, by, nil)
		require.InDeltaSlice(t, want.Data[:n*cols], got.Data[:n*cols], 1e-4, kernel.Name)
	}
}

// The product of a row does not depend on the number of rows or its position, so a text has the same vector whatever
// is embedded together with it.
func TestRowsAreAlone(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const k, cols, most = 96, 48, 20
	by := NewPanels(k, cols)
	for row := range k {
		by.SetRow(row, noise(random, cols))
	}
	row := noise(random, k)
	for _, kernel := range Kernels() {
		var want []float32
		for n := 1; n <= most; n++ {
			in := Rows{noise(random, (n+SpareRows)*k), k}
			copy(in.row(n-1, k), row)
			out := Rows{make([]float32, (n+SpareRows)*cols), cols}
			kernel.Multiply(out, in, n, by, nil)
			if want == nil {
				want = out.row(0, cols)
			}
			require.Equal(t, want, out.row(n-1, cols), "%s, row %d", kernel.Name, n)
		}
	}
}

func TestPanels(t *testing.T) {
	p := NewPanels(3, 18)
	require.Equal(t, 18, p.Cols())
	for col := range 18 {
		p.SetColumn(col, []float32{1, 2, 3})
	}
	p.Reset(2, 17)
	p.SetRow(0, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	p.SetColumn(16, []float32{7, 8})
	require.Equal(t, []float32{15, 7, 0}, append([]float32{p.panel(0)[15]}, p.panel(1)[:2]...), "what fills up is zero")
	require.Equal(t, float32(8), p.panel(1)[Width])
	p.Reset(5, 40)
	require.Len(t, p.panel(2), 5*Width)
}

func TestTooFewRowsPanic(t *testing.T) {
	for _, kernel := range fast() {
		by := NewPanels(8, 16)
		enough := Rows{make([]float32, (2+SpareRows)*16), 16}
		few := Rows{make([]float32, 2*16), 16}
		require.Panics(t, func() { kernel.Multiply(few, enough, 2, by, nil) }, kernel.Name)
		require.Panics(t, func() { kernel.Multiply(enough, few, 2, by, nil) }, kernel.Name)
		require.Panics(t, func() { kernel.Multiply(enough, enough, 2, by, make([]float32, 15)) }, kernel.Name)
	}
}

func BenchmarkMultiply(b *testing.B) {
	for _, kernel := range Kernels() {
		for _, size := range [][3]int{{110, 512, 1536}, {110, 1536, 512}, {10, 512, 1536}} {
			n, k, cols := size[0], size[1], size[2]
			b.Run(fmt.Sprintf("kernel=%s/%dx%dx%d", kernel.Name, n, k, cols), func(b *testing.B) {
				in := Rows{make([]float32, (n+SpareRows)*k), k}
				out := Rows{make([]float32, (n+SpareRows)*cols), cols}
				by := NewPanels(k, cols)
				for b.Loop() {
					kernel.Multiply(out, in, n, by, nil)
				}
				b.ReportMetric(2*float64(n*k*cols)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
			})
		}
	}
}
