// Package embed turns text into vectors. It has the Embedder interface and the providers behind it. It knows nothing
// of conversations, stores or requests.
package embed

import "context"

// Model identifies the vector space of a model. Vectors of different models, or of different lengths, are never
// compared with each other.
type Model struct {
	ID         string // stable name, stored beside each vector, at most 200 bytes
	Dimensions int    // length of each vector; 0 if not known yet
}

// Embedder turns texts into unit-length vectors of one model.
//
// Embed returns one vector per text, in order. A nil vector means that the model cannot read that text; it is then
// found by keyword only. Errors are faults: Unavailable when a later attempt may succeed, Invalid when it will not,
// and Canceled when ctx ended. Embed is safe for concurrent use.
type Embedder interface {
	Model() Model
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}
