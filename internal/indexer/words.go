package indexer

import (
	"context"
	"fmt"
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// The sizes of the steps in which words are indexed. They limit the memory for a
// conversation of any length.
const (
	wordStep     = 500     // passages per transaction
	pageBytes    = 4 << 20 // text read at once, unless a single message has more
	memoryWindow = 500     // stored passages loaded at once
)

// words indexes the words of a claimed conversation. It leaves identical stored passages
// alone, and keeps the vectors of passages that only moved.
func (x *Indexer) words(ctx context.Context, claim *store.Claim) error {
	model := x.o.Embedder.Model()
	made, err := x.o.Store.View(ctx).MadeBy(*claim)
	if err != nil {
		return err
	}
	current := made == store.Recipe{Model: model.ID, Passages: PassagesVersion}
	if claim.WordsIn && current {
		return nil
	}
	if !current {
		if err := x.useRecipe(ctx, claim, model); err != nil || claim.WordsIn {
			return err
		}
	}
	w := writing{x: x, claim: *claim, model: model}
	tokens, whole, err := x.cut(ctx, *claim, x.o.MaxTokens, func(c chunker.Chunk) error { return w.add(ctx, c) })
	if err != nil {
		return err
	}
	return x.o.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.StoreWords(w.claim, model, w.step); err != nil {
			return err
		}
		*claim, err = tx.FinishWords(w.claim, tokens, w.passages, !whole)
		return err
	})
}

func (x *Indexer) useRecipe(ctx context.Context, claim *store.Claim, model embed.Model) error {
	before := *claim
	return x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		*claim, err = tx.UseRecipe(before, model, PassagesVersion)
		return err
	})
}

// cut reads a claimed conversation page by page and passes its chunks to each. It returns
// the number of tokens, and whether the whole conversation was cut. With a limit above 0,
// the message that exceeds the limit and all later ones are only counted.
func (x *Indexer) cut(ctx context.Context, claim store.Claim, limit int, each func(chunker.Chunk) error) (tokens int, whole bool, err error) {
	view := x.o.Store.View(ctx)
	c, err := view.Claimed(claim)
	if err != nil {
		return 0, false, err
	}
	s := chunker.NewSplitter(c.Title)
	hand := func(chunks []chunker.Chunk) error {
		for _, chunk := range chunks {
			if err := each(chunk); err != nil {
				return err
			}
		}
		return nil
	}
	whole = true
	for from := 0; ; {
		page, err := view.ClaimedMessages(claim, from, pageBytes)
		if err != nil {
			return tokens, whole, err
		}
		if len(page) == 0 {
			break
		}
		from += len(page)
		for _, m := range page {
			tokens += text.Tokens(m.Text)
			if ctx.Err() != nil {
				return tokens, whole, ctx.Err()
			}
			if whole = whole && (limit == 0 || tokens <= limit); !whole {
				continue
			}
			if err := hand(s.Add(m)); err != nil {
				return tokens, whole, err
			}
		}
	}
	return tokens, whole, hand(s.End())
}

// leftOut returns an error if a conversation is longer than the limit, otherwise nil.
func leftOut(tokens, limit int) error {
	if limit == 0 || tokens <= limit {
		return nil
	}
	return errRefused{fmt.Sprintf("the conversation has %d tokens and LETHE_MAX_TOKENS is %d: the text beyond the limit was left out; "+
		"the rest, and what was indexed before, can be found", tokens, limit)}
}

// writing writes the passages of one conversation to the database in steps.
type writing struct {
	x        *Indexer
	claim    store.Claim
	model    embed.Model
	stored   memory
	step     []store.IndexedChunk // changed but not written yet
	passages int
}

func (w *writing) add(ctx context.Context, c chunker.Chunk) error {
	if err := w.stored.load(c.Position, func(from, before int) ([]store.StoredChunk, error) {
		return w.x.o.Store.View(ctx).StoredChunks(w.claim.Workspace, w.claim.Conversation, from, before)
	}); err != nil {
		return err
	}
	w.passages++
	fresh := indexed(c)
	if w.stored.has(fresh) {
		return nil
	}
	fresh.Terms, fresh.Unreadable = text.Terms(c.Text), w.model.ID == embed.NoneModel
	if vector, ok := w.stored.vector(w.model, c.Text); ok {
		fresh.Vector, fresh.Unreadable = vector, vector == nil
	}
	if w.step = append(w.step, fresh); len(w.step) < wordStep {
		return nil
	}
	err := w.x.o.Store.InTx(ctx, func(tx *store.Tx) error { return tx.StoreWords(w.claim, w.model, w.step) })
	w.step = nil
	return err
}

// indexed converts a chunk to the store's type, without its terms. It drops the texts of the
// parts, because each would keep a whole message in memory.
func indexed(c chunker.Chunk) store.IndexedChunk {
	content := chat.Passage{Title: c.Title, Parts: slices.Clone(c.Parts)}
	for i := range content.Parts {
		content.Parts[i].Text = ""
	}
	return store.IndexedChunk{Position: c.Position, First: c.First, Last: c.Last, Content: content, Text: c.Text}
}

// memory holds the stored passages around the current one: up to three windows, so that a
// passage that moved a little is recognized by the sum of its text.
type memory struct {
	windows []window
	next    int // the first position that is not loaded
	ended   bool
}

// window holds some stored passages, by position and by the sum of their text.
type window struct {
	at     map[int]store.StoredChunk
	saying map[int64]store.StoredChunk
}

// load loads the stored passages up to one window beyond the position.
func (m *memory) load(position int, read func(from, before int) ([]store.StoredChunk, error)) error {
	for !m.ended && m.next <= position+memoryWindow {
		chunks, err := read(m.next, m.next+memoryWindow)
		if err != nil {
			return err
		}
		m.ended = len(chunks) == 0
		m.next += memoryWindow
		w := window{make(map[int]store.StoredChunk, len(chunks)), make(map[int64]store.StoredChunk, len(chunks))}
		for _, c := range chunks {
			w.at[c.Position], w.saying[c.Sum] = c, c
		}
		m.windows = append(m.windows[max(0, len(m.windows)-2):], w)
	}
	return nil
}

// has reports whether an identical passage is stored.
func (m *memory) has(c store.IndexedChunk) bool {
	for _, w := range m.windows {
		if s, ok := w.at[c.Position]; ok {
			return s.Is(c)
		}
	}
	return false
}

// vector returns the model's vector of a text nearby; false if the model was not asked.
func (m *memory) vector(model embed.Model, text string) ([]float32, bool) {
	sum := store.TextSum(text)
	for _, w := range m.windows {
		if s, ok := w.saying[sum]; ok && embeddedBy(model, s) {
			return s.Vector, true
		}
	}
	return nil, false
}

// embeddedBy reports whether the model has processed a chunk: it has a vector of the model,
// or is recorded as unreadable.
func embeddedBy(model embed.Model, s store.StoredChunk) bool {
	return s.Model == model.ID && (s.Vector == nil || model.Dimensions == 0 || len(s.Vector) == model.Dimensions)
}
