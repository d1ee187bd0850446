// Package modelfile writes and reads the file of the built-in model: its
// vocabulary, and its weights as whole numbers of eight bits. It owns the format
// and the rounding; it knows nothing of where the weights come from or go to.
//
// A file is a line that names the format, then the vocabulary, the embeddings,
// the matrices and the vectors of encoder.Weights in their order. Numbers are
// little-endian. Each list and each matrix begins with its length or size in 32
// bits; a matrix goes on with its scales (float32: one a column, of the
// embeddings one a row) and then its values (int8, row by row). A piece of the
// vocabulary is its score (float64), its length in bytes (8 bits) and its text.
package modelfile
