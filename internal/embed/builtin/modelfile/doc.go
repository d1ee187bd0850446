// Package modelfile writes and reads the file of the built-in model: the vocabulary
// and the weights as 8-bit integers. It owns the format and the rounding. It does
// not know where the weights come from or how they are used.
//
// A file starts with a line that names the format, followed by the vocabulary, the
// embeddings, the matrices and the vectors of encoder.Weights in that order. Numbers
// are little-endian. Each list and each matrix starts with its length or size in 32
// bits. A matrix continues with its scales (float32, one per column; for the
// embeddings one per row) and its values (int8, row by row). A piece of the
// vocabulary has a score (float64), a length in bytes (8 bits) and a text.
package modelfile
