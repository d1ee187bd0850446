package encoder

import "math"

// epsilon avoids a division by zero for a row without variance. It is the published
// graph's value.
const epsilon = 1e-6

// normalize sets normed to the normalized state. It sums in double precision,
// because a mean of squares would lose digits otherwise.
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

// softmax turns scores, multiplied by scale, into positive weights with sum one.
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

// exp returns e**x for x <= 0 with nine correct digits, more than a float32 holds.
// It is four times as fast as math.Exp; attention needs a hundred thousand calls per
// text.
//
// With x = n*ln(2) + r and |r| <= ln(2)/2, e**x is 2**n * e**r, and the first terms
// of the series are enough for e**r.
func exp(x float64) float64 {
	if x < -700 { // 2**n would not be a normal number, and the weight is 0 anyway
		return 0
	}
	n := int64(x*math.Log2E - 0.5) // to the nearest, as x is not positive
	r := x - float64(n)*math.Ln2
	e := 1 + r*(1+r*(1.0/2+r*(1.0/6+r*(1.0/24+r*(1.0/120+r*(1.0/720+r*(1.0/5040)))))))
	return e * math.Float64frombits(uint64(n+1023)<<52) //nolint:gosec // -1010 and above
}
