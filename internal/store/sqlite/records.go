package sqlite

import (
	"encoding/json"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Month uses SQLite's own date functions.
func (*Database) Month(column string) string {
	return "strftime('%Y-%m', " + column + " / 1000000, 'unixepoch')"
}

// LockedIn binds one value for any number of ids, so that the statement is prepared once.
// The transaction has already locked the whole database.
func (*Database) LockedIn(_ chat.WorkspaceID, ids []chat.ConversationID) clause.Expr {
	list, _ := json.Marshal(ids) // strings always marshal
	return gorm.Expr("id IN (SELECT value FROM json_each(?))", string(list))
}

// InsertMessages writes messages by INSERTs.
func (*Database) InsertMessages(db *gorm.DB, rows []dialect.MessageRow) error {
	return dialect.InsertMessageBatches(db, rows)
}

// InsertChunks writes passages by INSERTs, and then their terms, under the row numbers
// that the passages have got. The index keeps no copy of the terms, and a trigger
// deletes its entries with the rows.
func (*Database) InsertChunks(db *gorm.DB, chunks []dialect.ChunkRow) error {
	if err := dialect.InsertInBatches(db, chunks, dialect.ChunkBatch); err != nil {
		return err
	}
	for batch := range slices.Chunk(chunks, dialect.ChunkBatch) {
		words := make([][2]any, len(batch))
		for i, c := range batch {
			words[i] = [2]any{c.Position, c.Terms}
		}
		list, _ := json.Marshal(words) // strings and numbers always marshal
		err := db.Exec(`INSERT INTO chunks_fts (rowid, terms) SELECT chunks.id, asked.value ->> 1
			FROM json_each(?) AS asked CROSS JOIN chunks
			WHERE chunks.workspace_id = ? AND chunks.conversation_id = ? AND chunks.position = asked.value ->> 0`,
			string(list), batch[0].WorkspaceID, batch[0].ConversationID).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// blobRow is a row of embeddings with its vector as a BLOB.
type blobRow struct {
	Row    dialect.EmbeddingRow `gorm:"embedded"`
	Vector []byte
}

func (blobRow) TableName() string { return "embeddings" }

// InsertEmbeddings writes vectors as BLOBs.
func (*Database) InsertEmbeddings(db *gorm.DB, rows []dialect.EmbeddingRow) error {
	blobs := make([]blobRow, len(rows))
	for i, r := range rows {
		blobs[i] = blobRow{r, encodeVector(r.Vector)}
	}
	return dialect.InsertInBatches(db, blobs, dialect.ChunkBatch)
}

// Embeddings returns the vectors of a conversation.
func (*Database) Embeddings(db *gorm.DB, ws chat.WorkspaceID, conversation chat.ConversationID) ([]dialect.EmbeddingRow, error) {
	var blobs []blobRow
	err := db.Where("workspace_id = ? AND conversation_id = ?", int64(ws), conversation).Find(&blobs).Error
	rows := make([]dialect.EmbeddingRow, len(blobs))
	for i, b := range blobs {
		rows[i] = b.Row
		rows[i].Vector = decodeVector(b.Vector)
	}
	return rows, err
}

// AtKeys binds one value for any number of keys, so that the statement is prepared once.
func (*Database) AtKeys(db *gorm.DB, table string, keys []rank.Key) *gorm.DB {
	return db.Where("("+table+".conversation_id, "+table+".position) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))", keyList(keys))
}

// keyList is keys as a JSON list of pairs.
func keyList(keys []rank.Key) string {
	pairs := make([][2]any, len(keys))
	for i, k := range keys {
		pairs[i] = [2]any{k.Conversation, k.Position}
	}
	list, _ := json.Marshal(pairs) // strings and numbers always marshal
	return string(list)
}
