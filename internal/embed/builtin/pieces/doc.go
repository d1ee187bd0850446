// Package pieces cuts text into the pieces of a unigram vocabulary, of which
// each has a number and a weight. It owns how text is made ready for that and
// which of all cuts is taken; it knows nothing of what the numbers are for.
package pieces
