package embed

import (
	"context"

	"github.com/lethe-chat/lethe/internal/fault"
)

// NoneModel is the model id of the embedder without vectors.
const NoneModel = "none"

type none struct{}

// NewNone returns the embedder for keyword-only search: every vector is nil.
func NewNone() Embedder { return none{} }

func (none) Model() Model { return Model{ID: NoneModel} }

// Embed returns nil for every text. Its only error is Canceled.
func (none) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	return make([][]float32, len(texts)), nil
}

func canceled(cause error) error {
	return fault.Wrap(fault.Canceled, cause, "embedding was stopped")
}
