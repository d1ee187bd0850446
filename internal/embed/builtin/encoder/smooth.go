package encoder

import "math"

// epsilon keeps a row without any variance from being divided by zero; the
// graph's own.
const epsilon = 1e-6

// normalize sets normed to the state behind a normalization. Its sums are of
// double precision: a mean of squares would lose digits otherwise.
func (s *Scratch) normalize(by Norm) {
	size := len(by.Scale)
	for i := range s.n {
		from, to := row(s.state, i, size), row(s.normed, i, size)
		var sum float64
		for _, x := range from {
			sum += float64(x)
		}
		mean := sum / float64(size)
		var squares float64
		for _, x := range from {
			d := float64(x) - mean
			squares += d * d
		}
		inverse := 1 / math.Sqrt(squares/float64(size)+epsilon)
		for j, x := range from {
			to[j] = float32((float64(x)-mean)*inverse)*by.Scale[j] + by.Shift[j]
		}
	}
}

// softmax turns scores, each times scale, into positive weights whose sum is one.
func softmax(scores []float32, scale float32) {
	largest := scores[0]
	for _, x := range scores {
		largest = max(largest, x)
	}
	var sum float64
	for i, x := range scores {
		y := exp(float64((x - largest) * scale))
		scores[i] = float32(y)
		sum += y
	}
	inverse := float32(1 / sum)
	for i := range scores {
		scores[i] *= inverse
	}
}

// exp is e to the power of x for x of at most 0, to nine digits, which is more
// than a float32 has; four times as fast as math.Exp, of which attention would
// need a hundred thousand a text.
//
// x is n*ln(2) + r with r within half a ln(2), so e**x is 2**n * e**r, and of
// e**r the first terms of its series are enough.
func exp(x float64) float64 {
	if x < -700 { // 2**n below is then no normal number, and the weight nothing
		return 0
	}
	n := int64(x*math.Log2E - 0.5) // to the nearest, as x is not positive
	r := x - float64(n)*math.Ln2
	e := 1 + r*(1+r*(1.0/2+r*(1.0/6+r*(1.0/24+r*(1.0/120+r*(1.0/720+r*(1.0/5040)))))))
	return e * math.Float64frombits(uint64(n+1023)<<52) //nolint:gosec // -1010 and above
}
