package embed

import (
	"context"

	"github.com/lethe-chat/lethe/internal/fault"
)

// NoneModel is the model id of the embedder that embeds nothing.
const NoneModel = "none"

type none struct{}

// NewNone returns the embedder of keyword-only search: every vector is nil.
func NewNone() Embedder { return none{} }

func (none) Model() Model { return Model{ID: NoneModel} }

// Embed answers nil for every text. Its only error is Canceled.
func (none) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	return make([][]float32, len(texts)), nil
}

func canceled(cause error) error {
	return fault.Wrap(fault.Canceled, cause, "embedding was stopped")
}
