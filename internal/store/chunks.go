package store

import (
	"bytes"
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store/dialect"
	"github.com/lethe-chat/lethe/internal/store/postgres"
)

// IndexedChunk is a passage to be stored.
type IndexedChunk struct {
	Position    int
	First, Last int // positions of its first and last message
	Content     chat.Passage
	Text        string // as it was analysed and will be embedded; only its sum is stored
	Terms       []string
	Vector      []float32 // nil when the model cannot read the text, or has not yet
	Unreadable  bool      // the model cannot: it has no vector, and needs none
}

// Indexed is the index of a conversation, as a worker has built it.
type Indexed struct {
	Model    embed.Model
	Passages int // the version of Recipe
	Tokens   int
	Kept     []KeptChunk    // the stored chunks that stay, from position 0 on
	Chunks   []IndexedChunk // replace the stored chunks after Kept
}

// KeptChunk is a stored chunk that stays. It keeps its vector, or that the model cannot
// read it, unless it is Renewed. All chunks after a renewed one are renewed, too.
type KeptChunk struct {
	Terms      int       // how many it has
	Vector     []float32 // as in IndexedChunk
	Unreadable bool      // as in IndexedChunk
	Renewed    bool      // Vector and Unreadable are of another model than those that are stored
}

// Renewed returns the position of the first chunk that does not keep its vector.
func (x Indexed) Renewed() int {
	if at := slices.IndexFunc(x.Kept, func(k KeptChunk) bool { return k.Renewed }); at >= 0 {
		return at
	}
	return len(x.Kept)
}

// FinishIndexing stores the chunks and vectors of a claimed conversation and makes it
// ready. It stores nothing and returns ErrClaimLost when the claim is lost.
func (tx *Tx) FinishIndexing(c Claim, x Indexed) error {
	changes := indexedChanges(x)
	changes["holder"] = nobody
	changes["index_state"] = string(chat.Ready)
	changes["index_error"] = ""
	changes["attempts"] = 0
	changes["run_after"] = dialect.Micros(tx.now) // from when it may be re-indexed after a change of the recipe
	return tx.storeIndexed(c, x, changes)
}

func indexedChanges(x Indexed) map[string]any {
	terms, vectors, unreadable := 0, 0, 0
	count := func(words int, vector []float32, cannot bool) {
		terms += words
		if vector != nil {
			vectors++
		}
		if cannot {
			unreadable++
		}
	}
	for _, chunk := range x.Kept {
		count(chunk.Terms, chunk.Vector, chunk.Unreadable)
	}
	for _, chunk := range x.Chunks {
		count(len(chunk.Terms), chunk.Vector, chunk.Unreadable)
	}
	return map[string]any{
		"token_count": x.Tokens, "chunk_count": len(x.Kept) + len(x.Chunks), "term_count": terms,
		"vector_count": vectors, "unreadable_count": unreadable,
	}
}

// storeIndexed first updates the conversation on the condition that the claim holds. This
// also locks it against deletes, so no chunk can outlive its conversation. All rows that
// it writes have one recipe, so no conversation has vectors of two models.
func (tx *Tx) storeIndexed(c Claim, x Indexed, changes map[string]any) error {
	recipe := int64(noRecipe)
	if len(x.Chunks)+len(x.Kept) > 0 || changes["index_state"] == string(chat.Ready) {
		var err error
		if recipe, err = tx.recipeID(Recipe{Model: x.Model.ID, Passages: x.Passages}); err != nil {
			return err
		}
	}
	changes["recipe_id"] = recipe
	changes["indexed_revision"] = c.Revision
	if err := tx.changeClaimed(c, changes); err != nil {
		return err
	}
	if err := tx.deleteFrom(c, &dialect.ChunkRow{}, len(x.Kept)); err != nil {
		return err
	}
	if err := tx.deleteFrom(c, &dialect.EmbeddingRow{}, x.Renewed()); err != nil {
		return err
	}
	if err := tx.markUnreadable(c, x); err != nil {
		return err
	}
	if err := tx.database.InsertChunks(tx.db, newChunks(c, x)); err != nil {
		return tx.fault(err)
	}
	return tx.fault(tx.database.InsertEmbeddings(tx.db, newEmbeddings(c, x)))
}

// deleteFrom deletes the rows of a claimed conversation from a position on.
func (tx *Tx) deleteFrom(c Claim, table any, position int) error {
	return tx.fault(tx.db.Where("workspace_id = ? AND conversation_id = ? AND position >= ?", int64(c.Workspace), c.Conversation, position).
		Delete(table).Error)
}

// markUnreadable records which of the renewed chunks the model cannot read.
func (tx *Tx) markUnreadable(c Claim, x Indexed) error {
	readable, not := []int{}, []int{}
	for i := x.Renewed(); i < len(x.Kept); i++ {
		if x.Kept[i].Unreadable {
			not = append(not, i)
			continue
		}
		readable = append(readable, i)
	}
	if err := tx.markPassages(c, readable, ""); err != nil {
		return err
	}
	return tx.markPassages(c, not, x.Model.ID)
}

// markPassages records which model cannot read the passages. It writes only rows that
// change, because PostgreSQL rewrites a row with all its words.
func (tx *Tx) markPassages(c Claim, positions []int, by string) error {
	for batch := range slices.Chunk(positions, idBatch) {
		err := tx.db.Model(&dialect.ChunkRow{}).
			Where("workspace_id = ? AND conversation_id = ? AND position IN ? AND unreadable_by <> ?", int64(c.Workspace), c.Conversation, batch, by).
			Update("unreadable_by", by).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	return nil
}

func newChunks(c Claim, x Indexed) (rows []dialect.ChunkRow) {
	for _, chunk := range x.Chunks {
		row := dialect.ChunkRow{
			WorkspaceID: int64(c.Workspace), ConversationID: c.Conversation, Position: chunk.Position,
			FirstMessage: chunk.First, LastMessage: chunk.Last, Parts: EncodeParts(chunk.First, chunk.Content), TextSum: TextSum(chunk.Text),
			Terms: joinTerms(prefixed(c.Workspace, chunk.Terms)), TermCount: len(chunk.Terms),
		}
		if chunk.Unreadable {
			row.UnreadableBy = x.Model.ID
		}
		rows = append(rows, row)
	}
	return rows
}

func newEmbeddings(c Claim, x Indexed) (rows []dialect.EmbeddingRow) {
	add := func(position int, vector []float32) {
		if vector != nil {
			rows = append(rows, dialect.EmbeddingRow{
				WorkspaceID: int64(c.Workspace), ConversationID: c.Conversation, Position: position,
				Model: x.Model.ID, Dimensions: len(vector), Vector: vector,
			})
		}
	}
	for i := x.Renewed(); i < len(x.Kept); i++ {
		add(i, x.Kept[i].Vector)
	}
	for _, chunk := range x.Chunks {
		add(chunk.Position, chunk.Vector)
	}
	return rows
}

// EncodeTerms returns how PostgreSQL stores the terms of a passage, which are joined by
// blanks, each after the label of its workspace, in a database with this key of terms.
func EncodeTerms(key []byte, terms string) (numbers []int32, counts string, places []byte) {
	return postgres.EncodeTerms(key, terms)
}

// TextSum returns a checksum of the text of a passage, which is stored instead of the text.
func TextSum(text string) int64 { return dialect.TextSum(text) }

// StoredChunk is a stored chunk of a conversation, for a worker that keeps what did not
// change.
type StoredChunk struct {
	Position    int
	First, Last int
	Sum         int64 // TextSum of its text
	TermCount   int
	Model       string    // the model of the vector, or that cannot read the text; empty when no model has tried
	Vector      []float32 // nil if there is none

	parts []byte // nil when they are not known
}

// Is reports whether the stored chunk equals this one, apart from vectors.
func (s StoredChunk) Is(c IndexedChunk) bool {
	return s.Position == c.Position && s.First == c.First && s.Last == c.Last && s.Sum == TextSum(c.Text) &&
		bytes.Equal(s.parts, EncodeParts(c.First, c.Content))
}

// StoredChunks returns the chunks of a conversation in order, between two positions.
// StoredPassages returns their texts.
func (v *View) StoredChunks(ws chat.WorkspaceID, conversation chat.ConversationID, from, before int) ([]StoredChunk, error) {
	const where, at = "workspace_id = ? AND conversation_id = ?", "position >= ? AND position < ?"
	var rows []dialect.ChunkRow
	err := v.db.Where(where, int64(ws), conversation).Where(at, from, before).Order("position").Find(&rows).Error
	if err != nil {
		return nil, v.fault(err)
	}
	vectors, err := v.database.Embeddings(v.db.Where(at, from, before), ws, conversation)
	if err != nil {
		return nil, v.fault(err)
	}
	chunks := make([]StoredChunk, len(rows))
	placed := make(map[int]*StoredChunk, len(rows))
	for i, r := range rows {
		chunks[i] = storedChunk(r)
		placed[r.Position] = &chunks[i]
	}
	for _, e := range vectors {
		if chunk := placed[e.Position]; chunk != nil {
			chunk.Model, chunk.Vector = e.Model, e.Vector
		}
	}
	return chunks, nil
}

func storedChunk(r dialect.ChunkRow) StoredChunk {
	c := StoredChunk{Position: r.Position, First: r.FirstMessage, Last: r.LastMessage, Sum: r.TextSum, TermCount: r.TermCount, Model: r.UnreadableBy}
	if len(r.Parts) > 0 {
		c.parts = r.Parts
	}
	return c
}
