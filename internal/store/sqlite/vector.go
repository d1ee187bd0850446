package sqlite

import (
	"encoding/binary"
	"math"
)

// encodeVector returns a vector as SQLite stores it: float32, little-endian.
func encodeVector(vector []float32) []byte {
	out := make([]byte, 4*len(vector))
	for i, x := range vector {
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(x))
	}
	return out
}

func decodeVector(raw []byte) []float32 {
	return appendVector(make([]float32, 0, len(raw)/4), raw)
}

func appendVector(to []float32, raw []byte) []float32 {
	for ; len(raw) >= 4; raw = raw[4:] {
		to = append(to, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return to
}

// dot returns the cosine of a stored unit vector and a query, or 0 when their lengths
// differ.
func dot(raw []byte, query []float32) float64 {
	if len(raw) != 4*len(query) {
		return 0
	}
	var a, b, c, d float32 // four sums: the compiler keeps them in registers
	i := 0
	for ; i+4 <= len(query); i += 4 {
		block := raw[4*i : 4*i+16]
		a += math.Float32frombits(binary.LittleEndian.Uint32(block[0:4])) * query[i]
		b += math.Float32frombits(binary.LittleEndian.Uint32(block[4:8])) * query[i+1]
		c += math.Float32frombits(binary.LittleEndian.Uint32(block[8:12])) * query[i+2]
		d += math.Float32frombits(binary.LittleEndian.Uint32(block[12:16])) * query[i+3]
	}
	for ; i < len(query); i++ {
		a += math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) * query[i]
	}
	return float64(a + b + c + d)
}
