// Package encoder is the Universal Sentence Encoder lite: a transformer with two
// layers that turns the pieces of a text into a vector. It owns the arithmetic and
// the names of the weights. It knows nothing about text, files, or the precision of
// the weights.
//
// The arithmetic follows the graph that the model's authors published. The input of
// each piece is twice its embedding plus a position signal. Each layer has
// attention and two dense steps, each after a normalization and with a residual
// connection. The output is the mean over the pieces, a dense step, tanh, and
// scaling to length one.
package encoder
