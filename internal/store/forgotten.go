package store

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// messageTombstoneRow lets Lethe recognize a message that was deleted by itself. It outlives
// its conversation, so that a conversation that is uploaded again after its delete comes
// without the message.
type messageTombstoneRow struct {
	WorkspaceID  int64
	ExternalHash []byte
	MessageHash  []byte
	IDHash       []byte
	WordsHash    []byte
	TitleHash    []byte
	Position     int
	DeletionID   chat.DeletionID
}

func (messageTombstoneRow) TableName() string { return "message_tombstones" }

// The kinds of what is hashed of a message.
const (
	ownMessageID = "message"
	theirID      = "message id"
	itsWords     = "message words"
	itsTitle     = "message title"
)

// messageHash hashes a part of a message of a conversation.
func (v *View) messageHash(o chat.Origin, kind string, parts ...string) []byte {
	return keyed(v.secret, kind, append([]string{o.Platform, o.ExternalID}, parts...)...)[:hashSize]
}

// Forgotten returns by what the messages are recognized that were deleted from a
// conversation one by one, also if the conversation was deleted later.
func (v *View) Forgotten(ws chat.WorkspaceID, o chat.Origin) (chat.Forgotten, error) {
	rows, err := v.messageTombstones(ws, o)
	if err != nil || len(rows) == 0 {
		return chat.Forgotten{}, err
	}
	known := map[string]bool{}
	f := chat.Forgotten{At: make([]int, len(rows))}
	for i, r := range rows {
		f.At[i] = r.Position
		for _, hash := range [][]byte{r.IDHash, r.WordsHash, r.TitleHash} {
			if hash != nil {
				known[string(hash)] = true
			}
		}
	}
	f.ID = func(id string) bool { return known[string(v.messageHash(o, theirID, id))] }
	f.Words = func(sender chat.Sender, words string) bool {
		return known[string(v.messageHash(o, itsWords, string(sender), words))]
	}
	f.Title = func(title string) bool { return known[string(v.messageHash(o, itsTitle, title))] }
	return f, nil
}

// messageTombstones returns the tombstones of a conversation's messages in their order.
func (v *View) messageTombstones(ws chat.WorkspaceID, o chat.Origin) (rows []messageTombstoneRow, err error) {
	err = v.db.Where("workspace_id = ? AND external_hash = ?", int64(ws), v.externalHash(o.Platform, o.ExternalID)).
		Order("position, message_hash").Find(&rows).Error
	return rows, v.fault(err)
}

// sourcePositions returns where messages at positions of a stored conversation, in order,
// were before any message was deleted from it, given where the deleted ones were.
func sourcePositions(stored []int, deleted []messageTombstoneRow) []int {
	at, before := make([]int, len(stored)), 0
	for i, position := range stored {
		for before < len(deleted) && deleted[before].Position <= position+before {
			before++
		}
		at[i] = position + before
	}
	return at
}

// remember writes the tombstones of messages with the receipt of their delete.
func (tx *Tx) remember(rows []messageTombstoneRow, receipt chat.DeletionID) error {
	hashes := make([][]byte, len(rows))
	for i := range rows {
		rows[i].DeletionID, hashes[i] = receipt, rows[i].MessageHash
	}
	if err := tx.db.CreateInBatches(rows, tombstoneBatch).Error; err != nil {
		return tx.fault(err)
	}
	return tx.owe(DeletedMessage, hashes)
}

// LiftForgotten allows uploads of the messages again that were deleted from conversations
// one by one, and returns how many. The ids must be in canonical form. A conversation that
// was deleted and uploaded again has a new id.
func (tx *Tx) LiftForgotten(ws chat.WorkspaceID, l chat.Lift) (int, error) {
	hashes, err := tx.externalHashes(ws, l)
	if err != nil {
		return 0, err
	}
	lifted := 0
	for batch := range slices.Chunk(hashes, tombstoneBatch) {
		res := tx.db.Where("workspace_id = ? AND external_hash IN ?", int64(ws), batch).Delete(&messageTombstoneRow{})
		if res.Error != nil {
			return 0, tx.fault(res.Error)
		}
		lifted += int(res.RowsAffected)
	}
	return lifted, nil
}

// externalHashes returns the hashes of the conversations that a lift names, whether they
// are stored or deleted.
func (tx *Tx) externalHashes(ws chat.WorkspaceID, l chat.Lift) (hashes [][]byte, err error) {
	for _, id := range l.ExternalIDs {
		hashes = append(hashes, tx.externalHash(l.Platform, id))
	}
	for batch := range slices.Chunk(l.IDs, tombstoneBatch) {
		ofIDs := make([][]byte, len(batch))
		for i, id := range batch {
			ofIDs[i] = tx.conversationHash(id)
		}
		var deleted []tombstoneRow
		err := tx.db.Select("external_hash").Where("workspace_id = ? AND conversation_hash IN ?", int64(ws), ofIDs).Find(&deleted).Error
		if err != nil {
			return nil, tx.fault(err)
		}
		for _, r := range deleted {
			hashes = append(hashes, r.ExternalHash)
		}
		var stored []dialect.ConversationRow
		err = tx.db.Select("platform", "external_id").Where("workspace_id = ? AND id IN ?", int64(ws), batch).Find(&stored).Error
		if err != nil {
			return nil, tx.fault(err)
		}
		for _, r := range stored {
			hashes = append(hashes, tx.externalHash(r.Platform, r.ExternalID))
		}
	}
	return hashes, nil
}
