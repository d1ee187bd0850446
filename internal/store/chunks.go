package store

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
)

// IndexedChunk is a passage as search finds it.
type IndexedChunk struct {
	Position    int
	First, Last int // positions of the first and the last message that it quotes
	Text        string
	Terms       []string
	Vector      []float32 // nil when the model cannot read the text, or has not yet
	Unreadable  bool      // the model cannot: it has no vector, and needs none
}

// chunkBatch is how many chunks one INSERT carries.
const chunkBatch = 100

// Indexed is what a worker found out about a conversation.
type Indexed struct {
	Model  embed.Model
	Tokens int
	// Chunks replace those stored from position Keep on; those before it stay as
	// they are. KeptTerms is how many terms the kept ones have, KeptVectors how
	// many of them have a vector; the others of them are unreadable.
	Chunks      []IndexedChunk
	Keep        int
	KeptTerms   int
	KeptVectors int
}

// FinishIndexing stores the chunks and vectors of a claimed conversation and
// makes it ready. ErrClaimLost, and nothing stored, when the claim is lost.
func (tx *Tx) FinishIndexing(c Claim, x Indexed) error {
	changes := indexedChanges(x)
	changes["index_state"] = string(chat.Ready)
	changes["index_error"] = ""
	changes["attempts"] = 0
	return tx.storeIndexed(c, x, changes)
}

// FailIndexing ends a claim for good, until the conversation changes or the
// service is started again, with the reason for clients to read. What x holds is
// stored all the same: passages without vectors can still be found by keyword.
// ErrClaimLost when the claim is lost.
func (tx *Tx) FailIndexing(c Claim, x Indexed, reason string) error {
	changes := indexedChanges(x)
	changes["index_state"] = string(chat.Failed)
	changes["index_error"] = reason
	return tx.storeIndexed(c, x, changes)
}

// dropPassages deletes the passages that say what was edited away, with their
// vectors: the first, which begins with the title, when that was changed, and
// those of outdated messages. The rest stays to be found until all is indexed
// again, which may take a while and, when the embedder is down, days.
func (tx *Tx) dropPassages(ws chat.WorkspaceID, stored chat.Conversation, renamed bool, outdated []chat.Span) error {
	if stored.Chunks == 0 || (!renamed && len(outdated) == 0) {
		return nil
	}
	var rows []chunkRow
	err := tx.db.Select("position", "first_message", "last_message").
		Where("workspace_id = ? AND conversation_id = ?", int64(ws), stored.ID).Find(&rows).Error
	if err != nil {
		return tx.fault(err)
	}
	var stale []int
	for _, r := range rows {
		says := func(span chat.Span) bool { return r.FirstMessage <= span.To && r.LastMessage >= span.From }
		if (renamed && r.Position == 0) || slices.ContainsFunc(outdated, says) {
			stale = append(stale, r.Position)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	for batch := range slices.Chunk(stale, idBatch) {
		const those = "workspace_id = ? AND conversation_id = ? AND position IN ?"
		for _, table := range []any{&chunkRow{}, &embeddingRow{}} {
			if err := tx.db.Where(those, int64(ws), stored.ID, batch).Delete(table).Error; err != nil {
				return tx.fault(err)
			}
		}
	}
	return tx.fault(tx.db.Exec("UPDATE conversations AS c SET chunk_count = ("+chunksOf+"), term_count = ("+termsOf+"), vector_count = ("+vectorsOf+
		") WHERE c.workspace_id = ? AND c.id = ?", int64(ws), stored.ID).Error)
}

func indexedChanges(x Indexed) map[string]any {
	terms, vectors, unreadable := x.KeptTerms, x.KeptVectors, x.Keep-x.KeptVectors
	for _, chunk := range x.Chunks {
		terms += len(chunk.Terms)
		if chunk.Vector != nil {
			vectors++
		}
		if chunk.Unreadable {
			unreadable++
		}
	}
	return map[string]any{
		"token_count": x.Tokens, "chunk_count": x.Keep + len(x.Chunks), "term_count": terms,
		"vector_count": vectors, "unreadable_count": unreadable,
	}
}

// storeIndexed first updates the conversation on the condition that the claim
// holds, which also locks it against a delete, and only then writes rows that
// belong to it: no chunk can outlive its conversation.
func (tx *Tx) storeIndexed(c Claim, x Indexed, changes map[string]any) error {
	changes["indexed_revision"] = c.Revision
	if err := tx.settle(c, changes); err != nil {
		return err
	}
	where := []any{int64(c.Workspace), c.Conversation, x.Keep}
	const from = "workspace_id = ? AND conversation_id = ? AND position >= ?"
	if err := tx.db.Where(from, where...).Delete(&chunkRow{}).Error; err != nil {
		return tx.fault(err)
	}
	if err := tx.db.Where(from, where...).Delete(&embeddingRow{}).Error; err != nil {
		return tx.fault(err)
	}
	chunks, vectors := rowsOf(c, x)
	if err := tx.dialect.insertChunks(tx.db, chunks); err != nil {
		return tx.fault(err)
	}
	return tx.fault(tx.dialect.insertEmbeddings(tx.db, vectors))
}

func rowsOf(c Claim, x Indexed) (chunks []chunkRow, vectors []embeddingRow) {
	for _, chunk := range x.Chunks {
		row := chunkRow{
			WorkspaceID: int64(c.Workspace), ConversationID: c.Conversation, Position: chunk.Position,
			FirstMessage: chunk.First, LastMessage: chunk.Last, Text: chunk.Text,
			Terms: joinTerms(prefixed(c.Workspace, chunk.Terms)), TermCount: len(chunk.Terms),
		}
		if chunk.Unreadable {
			row.UnreadableBy = x.Model.ID
		}
		chunks = append(chunks, row)
		if chunk.Vector != nil {
			vectors = append(vectors, embeddingRow{
				WorkspaceID: int64(c.Workspace), ConversationID: c.Conversation, Position: chunk.Position,
				Model: x.Model.ID, Dimensions: len(chunk.Vector), Vector: chunk.Vector,
			})
		}
	}
	return chunks, vectors
}

// StoredChunk is what is already indexed of a conversation, for a worker that
// wants to keep what did not change.
type StoredChunk struct {
	Position    int
	First, Last int
	Text        string
	TermCount   int
	Model       string    // that made the vector, or that cannot read the text; empty when none has tried
	Vector      []float32 // nil when it has none
}

// StoredChunks returns the chunks of a conversation in order.
func (v *View) StoredChunks(ws chat.WorkspaceID, conversation string) ([]StoredChunk, error) {
	const where = "workspace_id = ? AND conversation_id = ?"
	var rows []chunkRow
	err := v.db.Omit("Terms").Where(where, int64(ws), conversation).Order("position").Find(&rows).Error
	if err != nil {
		return nil, v.fault(err)
	}
	vectors, err := v.dialect.embeddings(v.db, ws, conversation)
	if err != nil {
		return nil, v.fault(err)
	}
	chunks := make([]StoredChunk, len(rows))
	at := make(map[int]*StoredChunk, len(rows))
	for i, r := range rows {
		chunks[i] = StoredChunk{Position: r.Position, First: r.FirstMessage, Last: r.LastMessage, Text: r.Text, TermCount: r.TermCount, Model: r.UnreadableBy}
		at[r.Position] = &chunks[i]
	}
	for _, e := range vectors {
		if chunk := at[e.Position]; chunk != nil {
			chunk.Model, chunk.Vector = e.Model, e.Vector
		}
	}
	return chunks, nil
}
