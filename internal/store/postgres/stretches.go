package postgres

import (
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Stretches unpacks each message once, however many of its stretches are asked for:
// LIMIT keeps PostgreSQL from doing it again for each of them.
func (*Database) Stretches(db *gorm.DB, ws chat.WorkspaceID, asked []dialect.Stretch) (found []dialect.StretchRow, err error) {
	conversations := make([]chat.ConversationID, len(asked))
	positions, starts, lengths := make([]string, len(asked)), make([]string, len(asked)), make([]string, len(asked))
	for i, s := range asked {
		conversations[i] = s.Conversation
		positions[i], starts[i], lengths[i] = strconv.Itoa(s.Position), strconv.Itoa(s.Start), strconv.Itoa(s.Length)
	}
	err = db.Raw(`SELECT piece.place - 1 AS asked, whole.id, whole.sender, whole.created_at, whole.branch, whole.hidden,
			substring(whole.bytes FROM piece.start + 1 FOR piece.length) AS text
		FROM (SELECT conversation_id, position, array_agg(start) AS starts, array_agg(length) AS lengths, array_agg(place) AS places
			FROM unnest(CAST(? AS uuid[]), CAST(? AS int[]), CAST(? AS int[]), CAST(? AS int[]))
				WITH ORDINALITY AS asked (conversation_id, position, start, length, place)
			GROUP BY conversation_id, position) AS wanted
		CROSS JOIN LATERAL (SELECT id, sender, created_at, branch, hidden, convert_to(text, 'UTF8') AS bytes FROM messages
			WHERE workspace_id = ? AND conversation_id = wanted.conversation_id AND position = wanted.position LIMIT 1) AS whole
		CROSS JOIN LATERAL unnest(wanted.starts, wanted.lengths, wanted.places) AS piece (start, length, place)`,
		array(conversations), array(positions), array(starts), array(lengths), int64(ws)).Find(&found).Error
	return found, err
}

// array writes ids or numbers, which need no quotes, as an array of PostgreSQL.
func array[T ~string](values []T) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return "{" + strings.Join(list, ",") + "}"
}
