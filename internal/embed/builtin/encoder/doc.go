// Package encoder is the Universal Sentence Encoder lite: a transformer of two
// layers that turns the pieces of a text into a vector. It owns the arithmetic
// and the names of the weights; it knows nothing of text, of files, and of how
// exact the weights are that it is given.
//
// The arithmetic is that of the graph which the model's authors published: for
// each piece twice its embedding and the signal of its place; in each layer
// attention and two dense steps, each behind a normalization and added to what
// came in; then the mean over the pieces, a dense step, tanh, and length one.
package encoder
