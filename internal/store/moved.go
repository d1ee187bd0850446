package store

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// updatePassages updates the passages when messages change, because no passage may show
// another text than the one it was indexed with. It deletes the passages of outdated
// messages with their vectors, and the first passage if the title changed, because it
// begins with the title. It moves passages whose messages have moved. Search finds the
// rest until everything is indexed again, which can take days when the embedder is down.
func (tx *Tx) updatePassages(ws chat.WorkspaceID, stored chat.Conversation, renamed bool, outdated []chat.Span, moves []chat.Move) error {
	changes, err := tx.passageChanges(ws, stored, renamed, outdated, moves)
	if err != nil {
		return err
	}
	return tx.changePassages(ws, stored.ID, changes)
}

// passageChanges are the changes of passages when messages change.
type passageChanges struct {
	stale    []int              // the positions of passages to delete
	apart    []dialect.ChunkRow // passages whose messages move by different distances
	together map[int][]int      // positions of passages by the distance that all their messages move
}

// passageChanges works out what updatePassages changes.
func (v *View) passageChanges(ws chat.WorkspaceID, stored chat.Conversation, renamed bool, outdated []chat.Span, moves []chat.Move) (c passageChanges, err error) {
	if stored.Chunks == 0 || (!renamed && len(outdated) == 0 && len(moves) == 0) {
		return c, nil
	}
	var rows []dialect.ChunkRow
	err = v.db.Select("position", "first_message", "last_message", "parts").
		Where("workspace_id = ? AND conversation_id = ?", int64(ws), stored.ID).Order("position").Find(&rows).Error
	c.together = map[int][]int{}
	for _, r := range rows {
		if (renamed && r.Position == 0) || isOutdated(r, outdated) {
			c.stale = append(c.stale, r.Position)
			continue
		}
		moved, by, apart := movedRow(r, moves)
		switch {
		case apart && len(r.Parts) == 0: // it is unknown which of the messages it quotes
			c.stale = append(c.stale, r.Position)
		case apart:
			c.apart = append(c.apart, moved)
		case by != 0:
			c.together[by] = append(c.together[by], r.Position)
		}
	}
	return c, v.fault(err)
}

func (tx *Tx) changePassages(ws chat.WorkspaceID, conversation chat.ConversationID, c passageChanges) error {
	for _, moved := range c.apart {
		if err := tx.rewritePassage(ws, conversation, moved); err != nil {
			return err
		}
	}
	for by, positions := range c.together {
		if err := tx.movePassages(ws, conversation, positions, by); err != nil {
			return err
		}
	}
	return tx.deletePassages(ws, conversation, c.stale)
}

// isOutdated reports whether a passage contains or repeats one of the messages.
func isOutdated(r dialect.ChunkRow, outdated []chat.Span) bool {
	parts, _ := decodeParts(r.FirstMessage, r.Parts)
	return slices.ContainsFunc(outdated, func(span chat.Span) bool {
		return (r.FirstMessage <= span.To && r.LastMessage >= span.From) || slices.ContainsFunc(parts, func(part chat.Excerpt) bool {
			return part.Position >= span.From && part.Position <= span.To
		})
	})
}

// movedRow is a passage after its messages have moved. Either all of them have moved by
// as many positions, or they are further apart now.
func movedRow(r dialect.ChunkRow, moves []chat.Move) (moved dialect.ChunkRow, by int, apart bool) {
	moved = r
	by = movedBy(moves, r.FirstMessage)
	moved.FirstMessage += by
	moved.LastMessage += movedBy(moves, r.LastMessage)
	apart = moved.LastMessage-moved.FirstMessage != r.LastMessage-r.FirstMessage
	parts, titled := decodeParts(r.FirstMessage, r.Parts)
	for i, part := range parts {
		parts[i].Position += movedBy(moves, part.Position)
		apart = apart || parts[i].Position-part.Position != by
	}
	content := chat.Passage{Parts: parts}
	if titled {
		content.Title = "as before"
	}
	moved.Parts = EncodeParts(moved.FirstMessage, content)
	return moved, by, apart
}

// movedBy returns by how many positions a message has moved.
func movedBy(moves []chat.Move, position int) (by int) {
	for _, m := range moves {
		if m.From > position {
			break
		}
		by = m.By
	}
	return by
}

func (tx *Tx) rewritePassage(ws chat.WorkspaceID, conversation chat.ConversationID, r dialect.ChunkRow) error {
	return tx.fault(tx.db.Model(&dialect.ChunkRow{}).
		Where("workspace_id = ? AND conversation_id = ? AND position = ?", int64(ws), conversation, r.Position).
		Updates(map[string]any{"first_message": r.FirstMessage, "last_message": r.LastMessage, "parts": r.Parts}).Error)
}

func (tx *Tx) movePassages(ws chat.WorkspaceID, conversation chat.ConversationID, positions []int, by int) error {
	for batch := range slices.Chunk(positions, idBatch) {
		err := tx.db.Exec("UPDATE chunks SET first_message = first_message + ?, last_message = last_message + ? "+
			"WHERE workspace_id = ? AND conversation_id = ? AND position IN ?", by, by, int64(ws), conversation, batch).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	return nil
}

// deletePassages deletes passages with their vectors, and updates the counters.
func (tx *Tx) deletePassages(ws chat.WorkspaceID, conversation chat.ConversationID, positions []int) error {
	if len(positions) == 0 {
		return nil
	}
	for batch := range slices.Chunk(positions, idBatch) {
		const those = "workspace_id = ? AND conversation_id = ? AND position IN ?"
		for _, table := range []any{&dialect.ChunkRow{}, &dialect.EmbeddingRow{}} {
			if err := tx.db.Where(those, int64(ws), conversation, batch).Delete(table).Error; err != nil {
				return tx.fault(err)
			}
		}
	}
	return tx.fault(tx.db.Exec("UPDATE conversations AS c SET chunk_count = ("+chunksOf+"), term_count = ("+termsOf+"), vector_count = ("+vectorsOf+
		"), unreadable_count = ("+unreadableOf+") WHERE c.workspace_id = ? AND c.id = ?", int64(ws), conversation).Error)
}
