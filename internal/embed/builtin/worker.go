package builtin

import (
	"context"
	"math"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// worker holds the memory for embedding one text after another: 1.9 MB after first
// use, plus the pieces of its longest text.
type worker struct {
	reading pieces.Reading
	gate    gate
	scratch *encoder.Scratch

	plain   []byte // the text's words, and their pieces
	words   pieces.Reading
	unknown []int32
}

// embed returns the unit vector of a text, or nil when the model cannot read it.
func (w *worker) embed(ctx context.Context, m model, text string) ([]float32, error) {
	w.reading.Read(m.vocabulary, text)
	if !w.gate.admits(m.vocabulary, text, &w.reading) {
		return nil, nil //nolint:nilnil // no vector is an answer
	}
	if w.scratch == nil {
		w.scratch = encoder.NewScratch()
	}
	vector, err := w.encode(ctx, m, w.reading.IDs)
	if err != nil || vector == nil {
		return nil, err
	}
	return w.withWords(ctx, m, vector, text)
}

// encode returns the model's own vector of a text. A text that is longer than the
// model's input is divided into windows of equal length; their vectors are averaged,
// weighted by their number of pieces.
func (w *worker) encode(ctx context.Context, m model, ids []int32) ([]float32, error) {
	if len(ids) <= encoder.MaxPieces {
		return m.encoder.Encode(w.scratch, ids)
	}
	sum := make([]float64, encoder.Dimensions)
	for left := (len(ids) + encoder.MaxPieces - 1) / encoder.MaxPieces; left > 0; left-- {
		if err := ctx.Err(); err != nil {
			return nil, canceled(err)
		}
		size := (len(ids) + left - 1) / left
		vector, err := m.encoder.Encode(w.scratch, ids[:size])
		if err != nil {
			return nil, err
		}
		for i, x := range vector {
			sum[i] += float64(size) * float64(x)
		}
		ids = ids[size:]
	}
	return unit(sum), nil
}

// unit scales a sum of vectors to length one. It returns nil if they cancel each
// other out, because the sum then has no direction.
func unit(sum []float64) []float32 {
	var squares float64
	for _, x := range sum {
		squares += x * x
	}
	if squares == 0 {
		return nil
	}
	vector := make([]float32, len(sum))
	for i, x := range sum {
		vector[i] = float32(x / math.Sqrt(squares))
	}
	return vector
}
