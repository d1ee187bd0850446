package embed

import "math"

// unit returns v scaled to length 1. It returns nil for a vector of zeros, which has no direction, and false when a
// component is not a finite number.
//
// Every product is rounded by its own conversion. Otherwise a compiler may fuse it with the addition, and the last
// bits would differ between processors.
func unit(v []float64) ([]float32, bool) {
	largest := 0.0
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, false
		}
		largest = max(largest, math.Abs(x))
	}
	if largest == 0 {
		return nil, true
	}
	var sum float64 // of the squares of v/largest, so that no square overflows
	for _, x := range v {
		scaled := x / largest
		sum += float64(scaled * scaled)
	}
	length := math.Sqrt(sum)
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x / largest / length)
	}
	return out, true
}

// Cosine returns the cosine of two vectors of an Embedder, which have the same number of
// dimensions and the length 1.
func Cosine(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(float64(a[i]) * float64(b[i]))
	}
	return sum
}
