// Package bitcode keeps one bit of each number of a vector in memory, and finds the
// vectors that may be nearest to a query. It knows no SQL, no clock and no database: its
// callers tell it which version of the vectors they read, and what a transaction changes.
//
// A set bit means a negative number. The code of 512 numbers has 64 bytes, a
// thirty-second of the vector. The query is not rounded: its estimate is the sum of its
// numbers, each with the sign in the code. ADR 14 compares the alternatives.
package bitcode

import (
	"math"
	"math/bits"
)

// group is how many bytes of a code are looked up together. The length of a code is padded to a multiple of it.
const group = 8

// Size is the length in bytes of the code of a vector with this number of dimensions.
func Size(dimensions int) int { return (dimensions + 8*group - 1) / (8 * group) * group }

// Append appends the code of a vector, which has Size bytes, to other codes.
func Append(codes []byte, vector []float32) []byte {
	at := len(codes)
	codes = append(codes, make([]byte, Size(len(vector)))...)
	for i, x := range vector {
		codes[at+i/8] |= byte(math.Float32bits(x)>>31) << (i % 8)
	}
	return codes
}

// Query estimates how near vectors are to a given vector.
type Query struct {
	sums [][256]float32 // the contribution of each value of each byte of a code
}

// NewQuery prepares a query. It costs about as much as a few thousand estimates.
func NewQuery(vector []float32) Query {
	sums := make([][256]float32, Size(len(vector)))
	for i, x := range vector {
		sums[i/8][0] += x
	}
	for i := range sums {
		numbers := vector[min(8*i, len(vector)):min(8*i+8, len(vector))]
		for value := 1; value < 1<<len(numbers); value++ {
			lowest := bits.TrailingZeros(uint(value))
			sums[i][value] = sums[i][value&(value-1)] - 2*numbers[lowest]
		}
	}
	return Query{sums: sums}
}

// Estimate grows with the cosine of the query and the vector of the code, but it is not
// the cosine. Both must have the same number of dimensions.
func (q Query) Estimate(code []byte) float32 {
	var even, odd float32 // two sums, so that the processor computes them in parallel
	for at := 0; at+group <= len(code) && at+group <= len(q.sums); at += group {
		sums, bytes := q.sums[at:at+group:at+group], code[at:at+group:at+group]
		even += sums[0][bytes[0]] + sums[2][bytes[2]] + sums[4][bytes[4]] + sums[6][bytes[6]]
		odd += sums[1][bytes[1]] + sums[3][bytes[3]] + sums[5][bytes[5]] + sums[7][bytes[7]]
	}
	return even + odd
}
