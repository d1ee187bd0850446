package store

import (
	"container/heap"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
)

// claim: the one writer makes an UPDATE of a sub-select safe, which it is not on
// a database with many.
func (sqliteDialect) claim(db *gorm.DB, now, leaseUntil int64, n int) ([]claimRow, error) {
	var rows []claimRow
	err := db.Raw(`
		UPDATE conversations SET index_state = 'indexing', run_after = ?, attempts = attempts + 1
		WHERE rowid IN (
			SELECT rowid FROM conversations
			WHERE index_state IN ('queued', 'indexing') AND run_after <= ?
			ORDER BY run_after LIMIT ?)
		RETURNING workspace_id, id, revision, attempts`, leaseUntil, now, n).Scan(&rows).Error
	return rows, err
}

// lockedIn binds one value however many ids there are, so that the statement
// stays the same and is prepared once. The whole database is locked already.
func (sqliteDialect) lockedIn(_ chat.WorkspaceID, ids []string) clause.Expr {
	list, _ := json.Marshal(ids) // strings always marshal
	return gorm.Expr("id IN (SELECT value FROM json_each(?))", string(list))
}

func (sqliteDialect) insertChunks(db *gorm.DB, chunks []chunkRow) error {
	if len(chunks) == 0 {
		return nil
	}
	return db.CreateInBatches(chunks, chunkBatch).Error
}

// blobRow is an embedding with its vector as a BLOB.
type blobRow struct {
	Row    embeddingRow `gorm:"embedded"`
	Vector []byte
}

func (blobRow) TableName() string { return "embeddings" }

func (sqliteDialect) insertEmbeddings(db *gorm.DB, rows []embeddingRow) error {
	if len(rows) == 0 {
		return nil
	}
	blobs := make([]blobRow, len(rows))
	for i, r := range rows {
		blobs[i] = blobRow{r, encodeVector(r.Vector)}
	}
	return db.CreateInBatches(blobs, chunkBatch).Error
}

func (sqliteDialect) embeddings(db *gorm.DB, ws chat.WorkspaceID, conversation string) ([]embeddingRow, error) {
	var blobs []blobRow
	err := db.Where("workspace_id = ? AND conversation_id = ?", int64(ws), conversation).Find(&blobs).Error
	rows := make([]embeddingRow, len(blobs))
	for i, b := range blobs {
		rows[i] = b.Row
		rows[i].Vector = decodeVector(b.Vector)
	}
	return rows, err
}

func (sqliteDialect) documentFrequency(db *gorm.DB, _ chat.WorkspaceID, term string) (int, error) {
	var n int64
	err := db.Raw(`SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH ?`, quoteTerm(term)).Scan(&n).Error
	return int(n), err
}

// keywordCandidates lets the full-text index propose the best by its own BM25,
// whose statistics are those of all workspaces together.
func (sqliteDialect) keywordCandidates(db *gorm.DB, q keywordQuery) ([]candidate, error) {
	quoted := make([]string, len(q.terms))
	for i, t := range q.terms {
		quoted[i] = quoteTerm(t)
	}
	match := db.Table("chunks_fts").Select("chunks_fts.rowid AS id, bm25(chunks_fts) AS score").
		Where("chunks_fts MATCH ?", strings.Join(quoted, " OR ")).
		Order("score, id").Limit(candidates)
	if q.filter != (chat.Filter{}) {
		match = whereFilter(match.
			Joins("JOIN chunks ON chunks.id = chunks_fts.rowid").
			Joins("JOIN conversations ON conversations.workspace_id = chunks.workspace_id AND conversations.id = chunks.conversation_id"),
			q.filter)
	}
	var rows []struct {
		ConversationID string
		Position       int
		Terms          string
		TermCount      int
	}
	err := db.Table("(?) AS found", match).
		Select("chunks.conversation_id, chunks.position, chunks.terms, chunks.term_count").
		Joins("JOIN chunks ON chunks.id = found.id").
		Where("chunks.workspace_id = ?", int64(q.workspace)).Scan(&rows).Error
	found := make([]candidate, len(rows))
	for i, r := range rows {
		found[i] = candidate{
			key:         rank.Key{Conversation: r.ConversationID, Position: r.Position},
			frequencies: frequencies(r.Terms, q.terms), termCount: r.TermCount,
		}
	}
	return found, err
}

// frequencies counts how often each of the terms stands in a chunk's own terms.
func frequencies(stored string, terms []string) []int {
	counts := make([]int, len(terms))
	for word := range strings.SplitSeq(stored, " ") {
		for i, term := range terms {
			if word == term {
				counts[i]++
			}
		}
	}
	return counts
}

// quoteTerm makes a term a string of FTS5's query language. Terms have no quotes
// in them (rank.Analyze), so doubling them only keeps a mistake harmless.
func quoteTerm(term string) string { return `"` + strings.ReplaceAll(term, `"`, `""`) + `"` }

// nearest compares the query with every vector of the workspace: exact, and the
// vectors stay nowhere but in the file, so a deleted one is gone from here too.
func (sqliteDialect) nearest(db *gorm.DB, q vectorQuery) (found []rank.Scored, err error) {
	query := db.Model(&embeddingRow{}).
		Select("embeddings.conversation_id, embeddings.position, embeddings.vector").
		Where("embeddings.workspace_id = ? AND embeddings.model = ?", int64(q.workspace), q.model.ID)
	if q.filter != (chat.Filter{}) {
		query = whereFilter(query.Joins("JOIN conversations ON conversations.workspace_id = embeddings.workspace_id "+
			"AND conversations.id = embeddings.conversation_id"), q.filter)
	}
	rows, err := query.Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	best := make(worstFirst, 0, LegSize+1)
	for rows.Next() {
		var id, raw sql.RawBytes
		var position int
		if err := rows.Scan(&id, &position, &raw); err != nil {
			return nil, err
		}
		score := dot(raw, q.vector)
		if best.full() && score < best[0].Score {
			continue // most vectors end here, before their id costs an allocation
		}
		best.offer(rank.Scored{Key: rank.Key{Conversation: string(id), Position: position}, Score: score})
	}
	return top(best, LegSize), rows.Err()
}

// worstFirst is a heap of the best passages so far, the worst of them on top.
type worstFirst []rank.Scored

func (w worstFirst) Len() int           { return len(w) }
func (w worstFirst) Less(i, j int) bool { return compareScored(w[i], w[j]) > 0 }
func (w worstFirst) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *worstFirst) Push(x any)        { *w = append(*w, x.(rank.Scored)) } //nolint:forcetypeassert // only offer pushes
func (w *worstFirst) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}

func (w worstFirst) full() bool { return len(w) == LegSize }

func (w *worstFirst) offer(s rank.Scored) {
	switch {
	case !w.full():
		heap.Push(w, s)
	case compareScored(s, (*w)[0]) < 0:
		(*w)[0] = s
		heap.Fix(w, 0)
	}
}
