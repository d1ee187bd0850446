package store

import (
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Limits of one statement that moves messages. SQLite rewrites their texts, and keeps in
// memory what the statement may have to undo.
const (
	moveBatch     = 1000
	moveBatchText = 4 << 20 // bytes
)

// placed is a stored message that keeps its text and gets a new position.
type placed struct{ from, to, size int }

// rearrange moves the messages from RewriteFrom on to their new positions without reading
// their texts, and inserts the new messages between them.
func (tx *Tx) rearrange(ws chat.WorkspaceID, conversation chat.ConversationID, m chat.Merged) error {
	moved, fresh, err := tx.arrangement(ws, conversation, m)
	if err != nil {
		return err
	}
	// Two messages cannot share a position, even within a transaction. So all of them
	// first move to negative positions, in reverse order, and then to their final ones.
	for batch := range batches(moved, func(a, b placed) bool { return b.from == a.from+1 }) {
		if err := tx.shift(ws, conversation, batch[0].from, batch[len(batch)-1].from, gorm.Expr("-1 - position")); err != nil {
			return err
		}
	}
	for batch := range batches(moved, func(a, b placed) bool { return b.from == a.from+1 && b.to == a.to+1 }) {
		first, last := batch[0], batch[len(batch)-1]
		if err := tx.shift(ws, conversation, -1-last.from, -1-first.from, gorm.Expr("-1 - position + ?", first.to-first.from)); err != nil {
			return err
		}
	}
	for _, msg := range m.Edited {
		if msg.Position >= m.RewriteFrom {
			if err := tx.rewrite(newMessageRow(ws, conversation, msg)); err != nil {
				return err
			}
		}
	}
	inserted := chat.Transcript{Turns: fresh}
	inserted.ID = conversation
	return tx.insertMessages(ws, inserted)
}

// arrangement returns the stored messages that move, in stored order, and the new
// messages.
func (tx *Tx) arrangement(ws chat.WorkspaceID, conversation chat.ConversationID, m chat.Merged) (moved []placed, fresh []chat.Message, err error) {
	rows, err := tx.sizesFrom(ws, conversation, m.RewriteFrom)
	if err != nil {
		return nil, nil, err
	}
	at := make(map[chat.MessageID]int, len(rows))
	for i, row := range rows {
		at[row.ID] = i
	}
	moved = make([]placed, 0, len(rows))
	for _, msg := range m.Messages[m.RewriteFrom-m.From:] {
		i, stored := at[msg.ID]
		if !stored {
			fresh = append(fresh, msg)
			continue
		}
		moved = append(moved, placed{from: rows[i].Position, to: msg.Position, size: rows[i].Size})
	}
	return moved, fresh, nil
}

type idRow struct {
	ID       chat.MessageID
	Position int
	Size     int
}

func (tx *Tx) sizesFrom(ws chat.WorkspaceID, conversation chat.ConversationID, position int) (rows []idRow, err error) {
	err = tx.db.Model(&dialect.MessageRow{}).Select("id", "position", "octet_length(text) AS size").
		Where("workspace_id = ? AND conversation_id = ? AND position >= ?", int64(ws), conversation, position).
		Order("position").Find(&rows).Error
	return rows, tx.fault(err)
}

// shift moves the messages with positions from first to last.
func (tx *Tx) shift(ws chat.WorkspaceID, conversation chat.ConversationID, first, last int, to any) error {
	return tx.fault(tx.db.Model(&dialect.MessageRow{}).
		Where("workspace_id = ? AND conversation_id = ? AND position BETWEEN ? AND ?", int64(ws), conversation, first, last).
		Update("position", to).Error)
}

// batches divides messages into runs that one statement can move.
func batches(moved []placed, follows func(a, b placed) bool) func(yield func([]placed) bool) {
	return func(yield func([]placed) bool) {
		from, size := 0, 0
		for i, p := range moved {
			if i > from && (!follows(moved[i-1], p) || i-from == moveBatch || size+p.size > moveBatchText) {
				if !yield(moved[from:i]) {
					return
				}
				from, size = i, 0
			}
			size += p.size
		}
		if from < len(moved) {
			yield(moved[from:])
		}
	}
}
