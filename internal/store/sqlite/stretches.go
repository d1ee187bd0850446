package sqlite

import (
	"encoding/json"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// longText is from how many bytes on a text is read page by page. A shorter one is
// read whole, which is faster.
const longText = 64 << 10

// Stretches binds one value however many stretches there are, so that the statement is
// prepared once. CROSS keeps SQLite from reading the messages first.
func (*Database) Stretches(db *gorm.DB, ws chat.WorkspaceID, asked []dialect.Stretch) (found []dialect.StretchRow, err error) {
	list := make([][4]any, len(asked))
	for i, s := range asked {
		list[i] = [4]any{s.Conversation, s.Position, s.Start, s.Length}
	}
	values, _ := json.Marshal(list) // strings and numbers always marshal
	err = db.Raw(`SELECT asked.key AS asked, messages.id, messages.sender, messages.created_at, messages.branch, messages.hidden,
			CASE WHEN octet_length(messages.text) < ? THEN substr(CAST(messages.text AS BLOB), (asked.value ->> 2) + 1, asked.value ->> 3)
				ELSE message_text_piece(messages.rowid, asked.value ->> 2, asked.value ->> 3) END AS text
		FROM json_each(?) AS asked CROSS JOIN messages
		WHERE messages.workspace_id = ? AND messages.conversation_id = asked.value ->> 0 AND messages.position = asked.value ->> 1`,
		longText, string(values), int64(ws)).Find(&found).Error
	return found, err
}
