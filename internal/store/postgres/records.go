package postgres

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/pgvector/pgvector-go"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Month formats the month in UTC.
func (*Database) Month(column string) string {
	return fmt.Sprintf("to_char(to_timestamp(%s / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM')", column)
}

// LockedIn locks the rows in id order before they are deleted, so that deletes of
// overlapping ids wait for each other and cannot deadlock. It binds one value for any
// number of ids, so that the statement is prepared once. The array is built first: with a
// sub-select under IN the rows were found twice, which took a quarter longer for fifty
// conversations.
func (*Database) LockedIn(ws chat.WorkspaceID, ids []chat.ConversationID) clause.Expr {
	return gorm.Expr(`id = ANY (ARRAY(
		SELECT id FROM conversations WHERE workspace_id = ? AND id = ANY (CAST(? AS uuid[]))
		ORDER BY id FOR UPDATE))`, int64(ws), array(ids))
}

// AtKeys uses one group of conditions per conversation.
func (*Database) AtKeys(db *gorm.DB, table string, keys []rank.Key) *gorm.DB {
	positions := map[chat.ConversationID][]int{}
	var order []chat.ConversationID
	for _, k := range keys {
		if positions[k.Conversation] == nil {
			order = append(order, k.Conversation)
		}
		positions[k.Conversation] = append(positions[k.Conversation], k.Position)
	}
	cond := db.Session(&gorm.Session{NewDB: true})
	for i, id := range order {
		part := table + ".conversation_id = ? AND " + table + ".position IN ?"
		if i == 0 {
			cond = cond.Where(part, id, positions[id])
			continue
		}
		cond = cond.Or(part, id, positions[id])
	}
	return db.Where(cond)
}

// InsertChunks sends the rows as one JSON value, so that one prepared statement serves
// any number of them.
func (d *Database) InsertChunks(db *gorm.DB, chunks []dialect.ChunkRow) error {
	if len(chunks) == 0 {
		return nil
	}
	key, err := d.termKey(db)
	if err != nil {
		return err
	}
	type row struct {
		W  int64               `json:"w"`
		C  chat.ConversationID `json:"c"`
		P  int                 `json:"p"`
		F  int                 `json:"f"`
		L  int                 `json:"l"`
		B  string              `json:"b"`
		S  int64               `json:"s"`
		V  []int32             `json:"v"`
		O  string              `json:"o"`
		PL string              `json:"pl"`
		TC int                 `json:"n"`
		U  string              `json:"u"`
	}
	rows := make([]row, len(chunks))
	for i, c := range chunks {
		terms := key.store(c.Terms)
		rows[i] = row{
			c.WorkspaceID, c.ConversationID, c.Position, c.FirstMessage, c.LastMessage, hexadecimal(c.Parts), c.TextSum,
			terms.numbers, terms.counts, hexadecimal(terms.places), c.TermCount, c.UnreadableBy,
		}
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return db.Exec(`
		INSERT INTO chunks (workspace_id, conversation_id, position, first_message, last_message, parts, text_sum, terms, counts, places, term_count, unreadable_by)
		SELECT w, c, p, f, l, b, s, v, o, pl, n, u FROM json_to_recordset(CAST(? AS json))
			AS r (w bigint, c uuid, p int, f int, l int, b bytea, s bigint, v int[], o sparsevec, pl bytea, n int, u text)`, string(list)).Error
}

// hexadecimal writes bytes as a value of PostgreSQL.
func hexadecimal(b []byte) string { return `\x` + hex.EncodeToString(b) }

// halfvecRow is a row of embeddings with its vector as pgvector stores it.
type halfvecRow struct {
	Row    dialect.EmbeddingRow `gorm:"embedded"`
	Vector pgvector.HalfVector
}

func (halfvecRow) TableName() string { return "embeddings" }

// InsertEmbeddings writes vectors as numbers of 16 bits.
func (*Database) InsertEmbeddings(db *gorm.DB, rows []dialect.EmbeddingRow) error {
	halves := make([]halfvecRow, len(rows))
	for i, r := range rows {
		halves[i] = halfvecRow{r, pgvector.NewHalfVector(r.Vector)}
	}
	return dialect.InsertInBatches(db, halves, dialect.ChunkBatch)
}

// Embeddings returns the vectors of a conversation.
func (*Database) Embeddings(db *gorm.DB, ws chat.WorkspaceID, conversation chat.ConversationID) ([]dialect.EmbeddingRow, error) {
	var halves []halfvecRow
	err := db.Where("workspace_id = ? AND conversation_id = ?", int64(ws), conversation).Find(&halves).Error
	rows := make([]dialect.EmbeddingRow, len(halves))
	for i, h := range halves {
		rows[i] = h.Row
		rows[i].Vector = h.Vector.Slice()
	}
	return rows, err
}
