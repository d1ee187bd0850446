// Package pieces splits text into the pieces of a unigram vocabulary. Each piece has
// an id and a weight. The package normalizes the text and chooses the best of all
// possible splits. It does not know what the ids are used for.
package pieces
