// Package builtin is the embedder that needs nothing: the Universal Sentence
// Encoder lite, rounded to eight bits, inside the program. It owns which texts
// the model can read, how long ones are divided, and how the work is spread over
// the processor's cores; cutting into pieces, arithmetic and file format are the
// packages below it.
//
// The model reads English. model/NOTICE says whose it is, and `make model` makes
// its file again from where it comes from.
package builtin
