package indexer

import (
	"context"
	"errors"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// renewAtOnce is the maximum number of passages of a conversation that is replaced in one
// transaction. Search finds the old index until then.
const renewAtOnce = 2000

// maxPosition is larger than the position of any passage.
const maxPosition = 1 << 30

var errTooLarge = errors.New("too many passages to be replaced at once")

// renew re-indexes a ready conversation with the current recipe. A conversation that is too
// large is queued instead and then indexed in steps.
func (x *Indexer) renew(ctx context.Context, claim store.Claim) (string, error) {
	result, err := x.renewed(ctx, claim)
	switch {
	case errors.Is(err, errTooLarge):
		return outcomeRequeued, x.o.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Requeue(claim) })
	case err != nil:
		return "", err
	}
	return outcomeRenewed, x.o.Store.InTx(ctx, func(tx *store.Tx) error { return tx.FinishIndexing(claim, result) })
}

// renewed builds the index of a conversation with the current recipe. It keeps stored chunks
// and vectors where possible.
func (x *Indexer) renewed(ctx context.Context, claim store.Claim) (store.Indexed, error) {
	result := store.Indexed{Model: x.o.Embedder.Model(), Passages: PassagesVersion}
	var c chat.Conversation
	var stored []store.StoredChunk
	var made store.Recipe
	err := x.o.Store.Snapshot(ctx, func(v *store.View) (err error) {
		if c, err = v.Claimed(claim); err != nil {
			return err
		}
		if c.Chunks > renewAtOnce {
			return errTooLarge
		}
		if stored, err = v.StoredChunks(claim.Workspace, claim.Conversation, 0, maxPosition); err != nil {
			return err
		}
		made, err = v.MadeBy(claim)
		return err
	})
	if err != nil {
		return result, err
	}
	result.Tokens = c.Tokens
	if made.Passages == PassagesVersion { // the stored chunks are up to date
		for _, s := range stored {
			keep(&result, s)
		}
		return result, x.embed(ctx, claim, c.Title, &result, nil, stored)
	}
	// No limit of tokens applies here: what was indexed stays indexed.
	var said []string
	result.Tokens, _, err = x.cut(ctx, claim, 0, func(c chunker.Chunk) error {
		if len(result.Chunks) == 2*renewAtOnce {
			return errTooLarge
		}
		fresh := indexed(c)
		fresh.Terms = text.Terms(c.Text)
		result.Chunks, said = append(result.Chunks, fresh), append(said, chunker.Said(c.Passage))
		return nil
	})
	if err != nil {
		return result, err
	}
	return result, x.embed(ctx, claim, c.Title, &result, said, stored)
}

// keep adds a stored chunk to those that stay. From the first one without a vector of the
// right model on, all are renewed.
func keep(result *store.Indexed, s store.StoredChunk) {
	k := store.KeptChunk{Terms: s.TermCount, Vector: s.Vector, Unreadable: s.Vector == nil}
	if n := len(result.Kept); !embeddedBy(result.Model, s) || (n > 0 && result.Kept[n-1].Renewed) {
		k = store.KeptChunk{Terms: s.TermCount, Renewed: true}
	}
	result.Kept = append(result.Kept, k)
}

// embed fills in the vectors. It asks the embedder only for texts that have no vector of
// this model in the conversation yet. said has the texts of the fresh chunks.
func (x *Indexer) embed(ctx context.Context, claim store.Claim, title string, result *store.Indexed, said []string, stored []store.StoredChunk) error {
	known := make(map[int64][]float32, len(stored))
	for _, s := range stored {
		if embeddedBy(result.Model, s) {
			known[s.Sum] = s.Vector
		}
	}
	first := result.Renewed()
	renewed := stored[first:len(result.Kept)]
	passages, err := x.o.Store.View(ctx).StoredPassages(claim.Workspace, claim.Conversation, title, renewed)
	if err != nil {
		return err
	}
	var texts []string
	var put []func(vector []float32)
	want := func(sum int64, said string, to func(vector []float32)) {
		if vector, ok := known[sum]; ok {
			to(vector)
			return
		}
		texts, put = append(texts, said), append(put, to)
	}
	for i, s := range renewed {
		k := &result.Kept[first+i]
		want(s.Sum, chunker.Said(passages[i]), func(vector []float32) { k.Vector, k.Unreadable = vector, vector == nil })
	}
	for i := range result.Chunks {
		c := &result.Chunks[i]
		want(store.TextSum(c.Text), said[i], func(vector []float32) { c.Vector, c.Unreadable = vector, vector == nil })
	}
	vectors, err := x.ask(ctx, texts)
	if err != nil {
		return err
	}
	for i, vector := range vectors {
		put[i](vector)
	}
	return nil
}
