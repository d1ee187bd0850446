package store

import (
	"time"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// A conversation is indexed in two stages, each in steps of bounded size. First its
// passages are stored without vectors, so that words find it: UseRecipe, StoreWords
// for each step, FinishWords. Then the vectors follow: Unembedded and StoreVectors
// for each step, FinishVectors. Every step is a transaction of its own that does
// nothing once the claim is lost, so a worker that ends in between loses one step.

// The stages in which a conversation may wait for a worker.
const (
	wordsDue   = "indexed_revision <> revision"
	vectorsDue = "indexed_revision = revision"
)

// UseRecipe names the recipe by which a claimed conversation is indexed from now on,
// and deletes its vectors of any other model. It returns the claim as it is then;
// ErrClaimLost when the claim is lost. The words of a conversation that was made by
// another version of passages count as missing from then on.
func (tx *Tx) UseRecipe(c Claim, model embed.Model, passages int) (Claim, error) {
	before, err := tx.MadeBy(c)
	if err != nil {
		return c, err
	}
	id, err := tx.recipeID(Recipe{Model: model.ID, Passages: passages})
	if err != nil {
		return c, err
	}
	changes := map[string]any{"recipe_id": id}
	if before.Passages != passages {
		changes["indexed_revision"], c.WordsIn = 0, false
	}
	if err := tx.changeClaimed(c, changes); err != nil {
		return c, err
	}
	c.recipe = id
	if before.Model == model.ID {
		return c, nil
	}
	of := func(table any) *gorm.DB {
		return tx.db.Model(table).Where("workspace_id = ? AND conversation_id = ?", int64(c.Workspace), c.Conversation)
	}
	if err := of(&dialect.EmbeddingRow{}).Where("model <> ?", model.ID).Delete(&dialect.EmbeddingRow{}).Error; err != nil {
		return c, tx.fault(err)
	}
	err = of(&dialect.ChunkRow{}).Where("unreadable_by NOT IN ?", []string{"", model.ID}).Update("unreadable_by", "").Error
	if err != nil {
		return c, tx.fault(err)
	}
	return c, tx.recount(c)
}

// StoreWords puts passages in the place of those stored at their positions, which
// follow each other. Those that have a vector, or that the model cannot read, need
// not be embedded any more. ErrClaimLost, and nothing stored, when the claim is lost.
func (tx *Tx) StoreWords(c Claim, model embed.Model, chunks []IndexedChunk) error {
	if len(chunks) == 0 {
		return nil
	}
	if err := tx.changeClaimed(c, map[string]any{"holder": tx.holder}); err != nil {
		return err
	}
	first, last := chunks[0].Position, chunks[len(chunks)-1].Position
	for _, table := range []any{&dialect.ChunkRow{}, &dialect.EmbeddingRow{}} {
		err := tx.db.Where("workspace_id = ? AND conversation_id = ? AND position BETWEEN ? AND ?",
			int64(c.Workspace), c.Conversation, first, last).Delete(table).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	x := Indexed{Model: model, Chunks: chunks}
	if err := tx.database.InsertChunks(tx.db, newChunks(c, x)); err != nil {
		return tx.fault(err)
	}
	if err := tx.database.InsertEmbeddings(tx.db, newEmbeddings(c, x)); err != nil {
		return tx.fault(err)
	}
	return tx.recount(c)
}

// FinishWords ends the first stage: the passages are those of this revision, so many
// of them, of a conversation with so many tokens. What is stored beyond them is
// deleted, unless it is to stay because it was not looked at. ErrClaimLost when the
// claim is lost.
func (tx *Tx) FinishWords(c Claim, tokens, passages int, rest bool) (Claim, error) {
	err := tx.changeClaimed(c, map[string]any{"token_count": tokens, "indexed_revision": c.Revision})
	if err != nil {
		return c, err
	}
	c.WordsIn = true
	if rest {
		return c, nil
	}
	for _, table := range []any{&dialect.ChunkRow{}, &dialect.EmbeddingRow{}} {
		if err := tx.deleteFrom(c, table, passages); err != nil {
			return c, err
		}
	}
	return c, tx.recount(c)
}

// recount makes the counters of a conversation those of its rows.
func (tx *Tx) recount(c Claim) error {
	return tx.fault(tx.db.Exec("UPDATE conversations AS c SET chunk_count = ("+chunksOf+"), term_count = ("+termsOf+
		"), vector_count = ("+vectorsOf+"), unreadable_count = ("+unreadableOf+") WHERE c.workspace_id = ? AND c.id = ?",
		int64(c.Workspace), c.Conversation).Error)
}

// Unembedded returns the next passages, from a position on and n at most, that have
// no vector of the model and are not known to be unreadable for it.
func (v *View) Unembedded(ws chat.WorkspaceID, conversation string, model embed.Model, from, n int) ([]StoredChunk, error) {
	var rows []dialect.ChunkRow
	err := v.db.Table("chunks AS x").Select("x.position", "x.first_message", "x.last_message", "x.parts", "x.text_sum", "x.term_count").
		Where("x.workspace_id = ? AND x.conversation_id = ? AND x.position >= ? AND x.unreadable_by <> ?", int64(ws), conversation, from, model.ID).
		Where("NOT EXISTS (SELECT 1 FROM embeddings AS e WHERE e.workspace_id = x.workspace_id AND e.conversation_id = x.conversation_id " +
			"AND e.position = x.position)").
		Order("x.position").Limit(n).Find(&rows).Error
	if err != nil {
		return nil, v.fault(err)
	}
	chunks := make([]StoredChunk, len(rows))
	for i, r := range rows {
		chunks[i] = storedChunk(r)
	}
	return chunks, nil
}

// PassageVector is what a model says of the passage at a position.
type PassageVector struct {
	Position int
	Vector   []float32 // nil when the model cannot read the passage
}

// StoreVectors stores what the model says of passages that had no vector. ErrClaimLost,
// and nothing stored, when the claim is lost.
func (tx *Tx) StoreVectors(c Claim, model embed.Model, vectors []PassageVector) error {
	var rows []dialect.EmbeddingRow
	var unreadable []int
	for _, p := range vectors {
		if p.Vector == nil {
			unreadable = append(unreadable, p.Position)
			continue
		}
		rows = append(rows, dialect.EmbeddingRow{
			WorkspaceID: int64(c.Workspace), ConversationID: c.Conversation, Position: p.Position,
			Model: model.ID, Dimensions: len(p.Vector), Vector: p.Vector,
		})
	}
	err := tx.changeClaimed(c, map[string]any{
		"vector_count":     gorm.Expr("vector_count + ?", len(rows)),
		"unreadable_count": gorm.Expr("unreadable_count + ?", len(unreadable)),
	})
	if err != nil {
		return err
	}
	if err := tx.markPassages(c, unreadable, model.ID); err != nil {
		return err
	}
	return tx.fault(tx.database.InsertEmbeddings(tx.db, rows))
}

// FinishVectors makes a conversation ready whose passages all have what the model
// says of them. ErrClaimLost when the claim is lost.
func (tx *Tx) FinishVectors(c Claim) error {
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(chat.Ready), "index_error": "", "attempts": 0,
		"run_after": dialect.Micros(tx.now), // when it may be indexed again, should the recipe change
	})
}

// Fail ends a claim until the conversation changes or somebody asks for it, with the
// reason for clients to read. What is stored of it can still be found. ErrClaimLost
// when the claim is lost.
func (tx *Tx) Fail(c Claim, reason string) error {
	return tx.changeClaimed(c, map[string]any{"holder": nobody, "index_state": string(chat.Failed), "index_error": reason})
}

// Postpone gives a claim back without counting the attempt, with the reason for
// clients to read unless the conversation is ready all the while: nothing was wrong
// with the conversation. ErrClaimLost when the claim is lost.
func (tx *Tx) Postpone(c Claim, reason string) error {
	_, returned := c.state()
	if c.Behind {
		reason = ""
	}
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(returned), "run_after": dialect.Micros(tx.now), "attempts": c.Attempt - 1, "index_error": reason,
	})
}

// Requeue turns the claim of a conversation that is behind into ordinary work: it
// is too large to be replaced in one transaction. ErrClaimLost when the claim is lost.
func (tx *Tx) Requeue(c Claim) error {
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(chat.Queued), "run_after": dialect.Micros(tx.now), "attempts": 0,
	})
}

// messagePage is how many messages one look at their lengths covers.
const messagePage = 200

// ClaimedMessages returns the messages of a claimed conversation from a position on:
// at least one, if there is one, and no more than come to so many bytes of text.
// Whoever stores what was made of them learns then whether the claim still holds.
func (v *View) ClaimedMessages(c Claim, from, bytes int) ([]chat.Message, error) {
	const where = "workspace_id = ? AND conversation_id = ? AND position >= ?"
	var lengths []int
	err := v.db.Model(&dialect.MessageRow{}).Where(where, int64(c.Workspace), c.Conversation, from).
		Order("position").Limit(messagePage).Pluck("length(text)", &lengths).Error
	if err != nil {
		return nil, v.fault(err)
	}
	n := 0
	for size := 0; n < len(lengths) && (n == 0 || size+lengths[n] <= bytes); n++ {
		size += lengths[n]
	}
	if n == 0 {
		return nil, nil
	}
	var rows []dialect.MessageRow
	err = v.db.Where(where, int64(c.Workspace), c.Conversation, from).Order("position").Limit(n).Find(&rows).Error
	messages := make([]chat.Message, len(rows))
	for i, r := range rows {
		messages[i] = messageOf(r)
	}
	return messages, v.fault(err)
}

// Claimed returns the conversation of a claim; ErrClaimLost when it is deleted or has
// another revision.
func (v *View) Claimed(c Claim) (chat.Conversation, error) {
	found, err := v.Conversation(c.Workspace, c.Conversation)
	return found, claimable(c, found, err)
}

// HurryFuture makes due what a worker's clock, or that of a program before, has put off
// for longer than anything waits: queued and claimed conversations whose time lies
// more than the horizon ahead. It returns how many.
func (tx *Tx) HurryFuture(horizon time.Duration) (int, error) {
	res := tx.db.Model(&dialect.ConversationRow{}).
		Where("index_state IN ('queued', 'indexing') AND run_after > ?", dialect.Micros(tx.now.Add(horizon))).
		Update("run_after", dialect.Micros(tx.now))
	return int(res.RowsAffected), tx.fault(res.Error)
}
