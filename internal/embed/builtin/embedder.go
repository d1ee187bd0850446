package builtin

import (
	"context"
	_ "embed" // the model's file
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/embed/builtin/modelfile"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
	"github.com/lethe-chat/lethe/internal/fault"
)

// ModelID identifies the vectors that this package makes. Any change to the weights,
// the pieces, the language gate, the windows or the word weights needs a new id,
// because vectors that are already stored do not change.
const ModelID = "use-lite-int8-words-v4"

//go:embed model/use-lite-int8-v1.bin
var file []byte

// Embedder embeds with the built-in model. It is safe for concurrent use.
type Embedder struct {
	load func() (model, error) // runs once
	// batches and single are pools of workers, one worker per core in each. The
	// pools limit the memory of all calls together. Queries have their own pool, so
	// they do not wait behind indexing.
	batches, single chan *worker
}

var _ embed.Embedder = (*Embedder)(nil)

// New returns the embedder. The first text loads the model into memory, which takes
// some milliseconds.
func New() *Embedder { return newEmbedder(matrix.Kernels()[0], runtime.GOMAXPROCS(0)) }

func newEmbedder(kernel matrix.Kernel, cores int) *Embedder {
	e := &Embedder{
		load:    sync.OnceValues(func() (model, error) { return load(kernel) }),
		batches: make(chan *worker, cores), single: make(chan *worker, cores),
	}
	for range cores {
		e.batches <- new(worker)
		e.single <- new(worker)
	}
	return e
}

// model is the part that all workers share.
type model struct {
	vocabulary *pieces.Vocabulary
	encoder    *encoder.Encoder
	lexicon    lexicon
}

func load(kernel matrix.Kernel) (m model, err error) {
	list, weights, err := modelfile.Read(file)
	if err != nil {
		return m, err
	}
	if m.vocabulary, err = pieces.New(list); err != nil {
		return m, err
	}
	m.encoder, err = encoder.New(weights, kernel)
	m.lexicon = make(lexicon, m.vocabulary.Size())
	return m, err
}

// Model returns the model's id and its 512 dimensions.
func (*Embedder) Model() embed.Model {
	return embed.Model{ID: ModelID, Dimensions: encoder.Dimensions}
}

// Embed returns one vector per text, and nil for a text that the model cannot read.
// It spreads the texts over all cores. When ctx ends it stops between two texts, or
// within a long one, and returns Canceled.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	vectors := make([][]float32, len(texts))
	if len(texts) == 0 {
		return vectors, nil
	}
	m, err := e.load()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the built-in model cannot be used")
	}
	if len(texts) == 1 {
		vectors[0], err = e.one(ctx, e.single, m, texts[0])
		return vectors, err
	}
	return vectors, e.all(ctx, m, texts, vectors)
}

// all embeds with every worker of the pool. The first error stops the others.
func (e *Embedder) all(ctx context.Context, m model, texts []string, vectors [][]float32) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(cap(e.batches), len(texts)) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(texts)); i = next.Add(1) - 1 {
				vector, err := e.one(ctx, e.batches, m, texts[i])
				if err != nil {
					cancel(err)
					return
				}
				vectors[i] = vector
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// one embeds a single text as soon as a worker is free. A panic is an error: most calls
// run in goroutines of this package, where no caller could recover it.
func (e *Embedder) one(ctx context.Context, from chan *worker, m model, text string) (vector []float32, err error) {
	select {
	case <-ctx.Done():
		return nil, canceled(ctx.Err())
	case w := <-from:
		whole := false
		defer func() {
			if !whole { // after a panic the memory may be in any state
				w = new(worker)
			}
			from <- w
		}()
		defer embed.Recover(&err)
		vector, err = w.embed(ctx, m, text)
		whole = true
		return vector, err
	}
}

func canceled(cause error) error {
	return fault.Wrap(fault.Canceled, cause, "embedding was stopped")
}
