package sqlite

import (
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
)

// The maximum that one statement deletes of conversations that are large together. A statement copies each page
// before it changes it, and the copies are in memory until it ends (connectionMemory): a chat of 258 MB would take
// half a gigabyte.
const (
	thinText = 16 << 20 // bytes of messages, unless one message has more
	thinRows = 2000     // messages, passages or vectors
)

// Thin deletes what large conversations consist of, in several statements, so that the
// one that deletes the conversations finds little left. It does nothing to conversations
// that are small together, which is nearly always.
func (*Database) Thin(db *gorm.DB, ws chat.WorkspaceID, ids []chat.ConversationID) error {
	var text int64
	err := db.Table("messages").Select("coalesce(sum(octet_length(text)), 0)").
		Where("workspace_id = ? AND conversation_id IN ?", int64(ws), ids).Scan(&text).Error
	if err != nil || text <= thinText {
		return err
	}
	for _, id := range ids {
		for _, table := range []string{"embeddings", "chunks", "messages"} {
			if err := thin(db, table, ws, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// thin deletes the rows that a table has of a conversation, from the first on.
func thin(db *gorm.DB, table string, ws chat.WorkspaceID, id chat.ConversationID) error {
	size := "0"
	if table == "messages" {
		size = "octet_length(text)"
	}
	for {
		var rows []struct{ Position, Size int }
		err := db.Table(table).Select("position, "+size+" AS size").Where("workspace_id = ? AND conversation_id = ?", int64(ws), id).
			Order("position").Limit(thinRows).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		last, bytes := 0, rows[0].Size
		for last+1 < len(rows) && bytes+rows[last+1].Size <= thinText {
			last++
			bytes += rows[last].Size
		}
		err = db.Table(table).Where("workspace_id = ? AND conversation_id = ? AND position <= ?", int64(ws), id, rows[last].Position).
			Delete(nil).Error
		if err != nil {
			return err
		}
	}
}
