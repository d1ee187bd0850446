// Package matrix multiplies matrices of float32, in one shape: a few rows of
// activations by a matrix that was laid out for it beforehand. It owns the
// processor-specific code and the portable code that answers everywhere; it
// knows nothing of models.
package matrix
