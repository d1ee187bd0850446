// Package embed turns text into vectors. It owns the Embedder interface and the
// providers behind it; it knows nothing of conversations, stores or requests.
package embed

import "context"

// Model names the space that a vector lives in. Vectors of different models, or
// of different sizes, are never compared with each other.
type Model struct {
	ID         string // stable name, stored beside each vector, at most 200 bytes
	Dimensions int    // length of each vector; 0 while it is not known yet
}

// Embedder turns texts into unit-length vectors of one model.
//
// Embed returns one vector a text, in order. A nil vector says that the model
// cannot read that text; it is then found by keyword alone. Errors are faults:
// Unavailable when trying again later may help, Invalid when it will not, and
// Canceled when ctx ended. Embed is safe for concurrent use.
type Embedder interface {
	Model() Model
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}
