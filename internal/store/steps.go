package store

import (
	"time"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// A conversation is indexed in two stages, each in steps of bounded size. First its
// passages are stored without vectors, so that keyword search finds it: UseRecipe,
// StoreWords for each step, FinishWords. Then the vectors follow: Unembedded and
// StoreVectors for each step, FinishVectors. Every step is a transaction that does
// nothing if the claim is lost, so an interrupted worker loses one step.

// The stages in which a conversation may wait for a worker.
const (
	wordsDue   = "indexed_revision <> revision"
	vectorsDue = "indexed_revision = revision"
)

// UseRecipe sets the recipe with which a claimed conversation is indexed, and deletes its
// vectors of other models. It returns the updated claim. ErrClaimLost when the claim is
// lost. If the version of passages has changed, the words count as missing.
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

// StoreWords replaces the stored passages at consecutive positions. Passages that have a
// vector, or that the model cannot read, need not be embedded. It stores nothing and
// returns ErrClaimLost when the claim is lost.
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

// FinishWords ends the first stage: all passages of this revision are stored. It stores
// the number of tokens, and deletes passages beyond the given number unless rest is set,
// because those were not examined. ErrClaimLost when the claim is lost.
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

// recount updates the counters of a conversation from its rows.
func (tx *Tx) recount(c Claim) error {
	return tx.fault(tx.db.Exec("UPDATE conversations AS c SET chunk_count = ("+chunksOf+"), term_count = ("+termsOf+
		"), vector_count = ("+vectorsOf+"), unreadable_count = ("+unreadableOf+") WHERE c.workspace_id = ? AND c.id = ?",
		int64(c.Workspace), c.Conversation).Error)
}

// Unembedded returns up to n passages from a position on that have no vector of the model
// and are not known to be unreadable for it.
func (v *View) Unembedded(ws chat.WorkspaceID, conversation chat.ConversationID, model embed.Model, from, n int) ([]StoredChunk, error) {
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

// PassageVector is the model's result for the passage at a position.
type PassageVector struct {
	Position int
	Vector   []float32 // nil when the model cannot read the passage
}

// StoreVectors stores the model's results for passages without a vector. It stores
// nothing and returns ErrClaimLost when the claim is lost.
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

// FinishVectors makes a conversation ready after all its passages have results of the
// model. ErrClaimLost when the claim is lost.
func (tx *Tx) FinishVectors(c Claim) error {
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(chat.Ready), "index_error": "", "attempts": 0,
		"run_after": dialect.Micros(tx.now), // from when it may be re-indexed after a change of the recipe
	})
}

// Fail ends a claim until the conversation changes or a caller asks for a retry. The reason is stored for clients to
// read. Search still finds what is stored. ErrClaimLost when the claim is lost.
func (tx *Tx) Fail(c Claim, reason string) error {
	return tx.changeClaimed(c, map[string]any{"holder": nobody, "index_state": string(chat.Failed), "index_error": reason})
}

// Postpone gives a claim back without counting the attempt, because the conversation was
// not at fault. The reason is stored for clients to read, except for a conversation that
// stays ready. ErrClaimLost when the claim is lost.
func (tx *Tx) Postpone(c Claim, reason string) error {
	_, returned := c.state()
	if c.Behind {
		reason = ""
	}
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(returned), "run_after": dialect.Micros(tx.now), "attempts": c.Attempt - 1, "index_error": reason,
	})
}

// Requeue queues a conversation that is behind as an ordinary one, because it is too
// large to be replaced in one transaction. ErrClaimLost when the claim is lost.
func (tx *Tx) Requeue(c Claim) error {
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(chat.Queued), "run_after": dialect.Micros(tx.now), "attempts": 0,
	})
}

// messagePage is how many messages one query of lengths covers.
const messagePage = 200

// ClaimedMessages returns the messages of a claimed conversation from a position on: at
// least one, if there is one, and otherwise up to a number of bytes of text. It does not
// check the claim; storing the result does.
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

// Claimed returns the conversation of a claim. ErrClaimLost when it was deleted or has
// another revision.
func (v *View) Claimed(c Claim) (chat.Conversation, error) {
	found, err := v.Conversation(c.Workspace, c.Conversation)
	return found, claimable(c, found, err)
}

// HurryFuture makes conversations due whose run_after is further ahead than any pause,
// because a wrong clock has set it. It returns how many.
func (tx *Tx) HurryFuture(horizon time.Duration) (int, error) {
	res := tx.db.Model(&dialect.ConversationRow{}).
		Where("index_state IN ('queued', 'indexing') AND run_after > ?", dialect.Micros(tx.now.Add(horizon))).
		Update("run_after", dialect.Micros(tx.now))
	return int(res.RowsAffected), tx.fault(res.Error)
}
