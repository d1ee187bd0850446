// Package builtin is the embedder inside the program: the Universal Sentence
// Encoder lite with weights rounded to eight bits. It needs no server and no
// download. It decides which texts the model can read, how long texts are divided,
// and how work is spread over the processor's cores. The packages below it cut text
// into pieces, do the arithmetic, and read the model's file.
//
// The model reads English. model/NOTICE names its authors and licence; `make model`
// builds the file again from its source.
package builtin
