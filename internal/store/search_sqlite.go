package store

import (
	"encoding/json"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
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
		RETURNING workspace_id, id, revision, attempts, recipe_id`, leaseUntil, now, n).Find(&rows).Error
	return rows, err
}

func (sqliteDialect) claimBehind(db *gorm.DB, recipe, now, leaseUntil int64) ([]claimRow, error) {
	var rows []claimRow
	err := db.Raw(`
		UPDATE conversations SET run_after = ?, attempts = attempts + 1
		WHERE rowid IN (
			SELECT rowid FROM conversations
			WHERE recipe_id = ? AND recipe_id > 0 AND run_after <= ? AND index_state = 'ready'
			ORDER BY run_after LIMIT 1)
		RETURNING workspace_id, id, revision, attempts, recipe_id`, leaseUntil, recipe, now).Find(&rows).Error
	return rows, err
}

// lockedIn binds one value however many ids there are, so that the statement
// stays the same and is prepared once. The whole database is locked already.
func (sqliteDialect) lockedIn(_ chat.WorkspaceID, ids []string) clause.Expr {
	list, _ := json.Marshal(ids) // strings always marshal
	return gorm.Expr("id IN (SELECT value FROM json_each(?))", string(list))
}

func (sqliteDialect) insertMessages(db *gorm.DB, rows []messageRow) error {
	return insertInBatches(db, rows, messageBatch)
}

func (sqliteDialect) insertChunks(db *gorm.DB, chunks []chunkRow) error {
	return insertInBatches(db, chunks, chunkBatch)
}

// blobRow is an embedding with its vector as a BLOB.
type blobRow struct {
	Row    embeddingRow `gorm:"embedded"`
	Vector []byte
}

func (blobRow) TableName() string { return "embeddings" }

func (sqliteDialect) insertEmbeddings(db *gorm.DB, rows []embeddingRow) error {
	blobs := make([]blobRow, len(rows))
	for i, r := range rows {
		blobs[i] = blobRow{r, encodeVector(r.Vector)}
	}
	return insertInBatches(db, blobs, chunkBatch)
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

// atKeys binds one value, however many keys there are, so that the statement is
// prepared once.
func (sqliteDialect) atKeys(db *gorm.DB, table string, keys []rank.Key) *gorm.DB {
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

func (sqliteDialect) documentFrequencies(db *gorm.DB, _ chat.WorkspaceID, terms []string) ([]int, error) {
	counts := make([]int, len(terms))
	for i, term := range terms {
		err := db.Raw(`SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH ?`, quoteTerm(term)).Row().Scan(&counts[i])
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// scoreFunction is rank.Score as a function of the full-text index: its arguments
// are the index, the mean length of a passage, how many of the terms propose, and
// a weight for each term. FTS5's own bm25() would rank by the statistics of all
// workspaces together.
const scoreFunction = "passage_score"

func registerScore(api *fts5.API) error {
	return api.CreateFunction(scoreFunction, func(row fts5.Context, answer sqlite3.Context, args ...sqlite3.Value) {
		score, err := passageScore(row, args)
		if err != nil {
			answer.ResultError(err)
			return
		}
		answer.ResultFloat(score)
	})
}

func passageScore(row fts5.Context, args []sqlite3.Value) (float64, error) {
	avg, proposing, weights := args[0].Float(), args[1].Int(), args[2:]
	var idf [maxQueryTerms]float64
	for i, w := range weights {
		idf[i] = w.Float()
	}
	var tf [maxQueryTerms]int
	places, err := row.InstCount()
	if err != nil {
		return 0, err
	}
	for i := range places {
		term, _, _, err := row.Inst(i)
		switch {
		case err != nil:
			return 0, err
		case term >= 2*proposing: // after those that propose comes their second mention
			term -= proposing
		case term >= proposing:
			continue
		}
		tf[term]++
	}
	length, err := row.ColumnSize(0)
	return rank.Score(tf[:len(weights)], idf[:len(weights)], length, avg), err
}

// matching is the query for passages that have one of the terms that propose. The
// index tells only of terms in the query how often a passage says them: so the
// others are in it too, where they bring no passage up that is not there already.
func matching(q keywordQuery) string {
	quoted := make([]string, len(q.terms))
	for i, t := range q.terms {
		quoted[i] = quoteTerm(t)
	}
	proposed := strings.Join(quoted[:q.proposing], " OR ")
	if q.proposing == len(quoted) {
		return proposed
	}
	return "(" + proposed + ") OR ((" + proposed + ") AND (" + strings.Join(quoted[q.proposing:], " OR ") + "))"
}

// keywordLeg scores every passage that has one of the terms, inside the full-text
// index, and looks up only the best. When all of these tie with the last one that a
// search may answer, it looks up all that tie: their keys decide.
func (sqliteDialect) keywordLeg(db *gorm.DB, q keywordQuery) ([]rank.Scored, error) {
	call, args := scoreFunction+"(chunks_fts, ?, ?", []any{q.corpus.AvgTerms, q.proposing}
	for _, weight := range q.idf {
		call, args = call+", ?", append(args, weight)
	}
	match := db.Table("chunks_fts").Select("chunks_fts.rowid AS id, "+call+") AS score", args...).
		Where("chunks_fts MATCH ?", matching(q))
	if q.filter != (chat.Filter{}) {
		match = whereFilter(match.
			Joins("JOIN chunks ON chunks.id = chunks_fts.rowid").
			Joins("JOIN conversations ON conversations.workspace_id = chunks.workspace_id AND conversations.id = chunks.conversation_id"),
			q.filter)
	}
	match = match.Session(&gorm.Session{})
	found, err := keysOf(q, db.Table("(?) AS found", match.Order("score DESC").Limit(withTies)))
	if err == nil && len(found) == withTies && found[LegSize-1].Score == found[withTies-1].Score {
		found, err = keysOf(q, db.Table("(?) AS found", match).Where("found.score >= ?", found[LegSize-1].Score))
	}
	return found, err
}

// withTies is how many passages are looked up, more than a search may answer.
const withTies = LegSize + LegSize/2

// keysOf returns the keys of the rows that the index found, with their scores, the
// best first.
func keysOf(q keywordQuery, found *gorm.DB) ([]rank.Scored, error) {
	return scanScored(found.Select("chunks.conversation_id, chunks.position, found.score").
		Joins("JOIN chunks ON chunks.id = found.id").Where("chunks.workspace_id = ?", int64(q.workspace)).
		Order("found.score DESC, chunks.conversation_id, chunks.position").Limit(withTies))
}

// quoteTerm makes a term a string of FTS5's query language. Terms have no quotes
// in them (text.Terms), so doubling them only keeps a mistake harmless.
func quoteTerm(term string) string { return `"` + strings.ReplaceAll(term, `"`, `""`) + `"` }
