package store

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/pgvector/pgvector-go"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
)

// lockedIn locks the rows in id order before they are deleted: two deletes of
// overlapping ids then wait for each other and cannot deadlock. The ids travel
// as one value, so that the statement stays the same however many there are. The
// array is made before anything else; by a sub-select under IN the rows are found
// twice and joined, which took a quarter longer for fifty conversations.
func (postgresDialect) lockedIn(ws chat.WorkspaceID, ids []string) clause.Expr {
	return gorm.Expr(`id = ANY (ARRAY(
		SELECT id FROM conversations WHERE workspace_id = ? AND id = ANY (CAST(? AS uuid[]))
		ORDER BY id FOR UPDATE))`, int64(ws), "{"+strings.Join(ids, ",")+"}")
}

// claim skips what another worker is just claiming, here or in another program.
func (postgresDialect) claim(db *gorm.DB, now, leaseUntil int64, n int) ([]claimRow, error) {
	var rows []claimRow
	err := db.Raw(`
		WITH due AS (
			SELECT workspace_id, id FROM conversations
			WHERE index_state IN ('queued', 'indexing') AND run_after <= ?
			ORDER BY run_after LIMIT ? FOR UPDATE SKIP LOCKED)
		UPDATE conversations AS c SET index_state = 'indexing', run_after = ?, attempts = c.attempts + 1
		FROM due WHERE c.workspace_id = due.workspace_id AND c.id = due.id
		RETURNING c.workspace_id, c.id, c.revision, c.attempts, c.recipe_id`, now, n, leaseUntil).Find(&rows).Error
	return rows, err
}

func (postgresDialect) claimBehind(db *gorm.DB, recipe, now, leaseUntil int64) ([]claimRow, error) {
	var rows []claimRow
	err := db.Raw(`
		WITH due AS (
			SELECT workspace_id, id FROM conversations
			WHERE recipe_id = ? AND recipe_id > 0 AND run_after <= ? AND index_state = 'ready'
			ORDER BY run_after LIMIT 1 FOR UPDATE SKIP LOCKED)
		UPDATE conversations AS c SET run_after = ?, attempts = c.attempts + 1
		FROM due WHERE c.workspace_id = due.workspace_id AND c.id = due.id
		RETURNING c.workspace_id, c.id, c.revision, c.attempts, c.recipe_id`, recipe, now, leaseUntil).Find(&rows).Error
	return rows, err
}

// insertChunks sends the rows as one JSON value: one statement, prepared once,
// for any number of them.
func (postgresDialect) insertChunks(db *gorm.DB, chunks []chunkRow) error {
	if len(chunks) == 0 {
		return nil
	}
	type row struct {
		W  int64  `json:"w"`
		C  string `json:"c"`
		P  int    `json:"p"`
		F  int    `json:"f"`
		L  int    `json:"l"`
		T  string `json:"t"`
		V  string `json:"v"`
		TC int    `json:"n"`
		U  string `json:"u"`
	}
	rows := make([]row, len(chunks))
	for i, c := range chunks {
		rows[i] = row{c.WorkspaceID, c.ConversationID, c.Position, c.FirstMessage, c.LastMessage, c.Text, tsvector(c.Terms), c.TermCount, c.UnreadableBy}
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return db.Exec(`
		INSERT INTO chunks (workspace_id, conversation_id, position, first_message, last_message, text, terms, term_count, unreadable_by)
		SELECT w, c, p, f, l, t, v, n, u FROM json_to_recordset(CAST(? AS json))
			AS r (w bigint, c uuid, p int, f int, l int, t text, v tsvector, n int, u text)`, string(list)).Error
}

// tsvector writes terms in PostgreSQL's own form, 'term':1,5: as given, with
// nothing parsed, stemmed or dropped, and with their places, which are counts.
func tsvector(terms string) string {
	places := map[string][]string{}
	var order []string
	for i, term := range strings.Fields(terms) {
		if places[term] == nil {
			order = append(order, term)
		}
		// The type knows places up to 16,383 and 255 of them a term.
		places[term] = append(places[term], strconv.Itoa(min(i+1, 16383)))
	}
	var b strings.Builder
	for _, term := range order {
		b.WriteString(quoteLexeme(term) + ":" + strings.Join(places[term], ",") + " ")
	}
	return b.String()
}

var lexemeEscapes = strings.NewReplacer(`'`, `''`, `\`, `\\`)

// quoteLexeme quotes a term for tsvector and tsquery alike.
func quoteLexeme(term string) string { return "'" + lexemeEscapes.Replace(term) + "'" }

// halfvecRow is an embedding with its vector as pgvector keeps it.
type halfvecRow struct {
	Row    embeddingRow `gorm:"embedded"`
	Vector pgvector.HalfVector
}

func (halfvecRow) TableName() string { return "embeddings" }

func (postgresDialect) insertEmbeddings(db *gorm.DB, rows []embeddingRow) error {
	halves := make([]halfvecRow, len(rows))
	for i, r := range rows {
		halves[i] = halfvecRow{r, pgvector.NewHalfVector(r.Vector)}
	}
	return insertInBatches(db, halves, chunkBatch)
}

func (postgresDialect) embeddings(db *gorm.DB, ws chat.WorkspaceID, conversation string) ([]embeddingRow, error) {
	var halves []halfvecRow
	err := db.Where("workspace_id = ? AND conversation_id = ?", int64(ws), conversation).Find(&halves).Error
	rows := make([]embeddingRow, len(halves))
	for i, h := range halves {
		rows[i] = h.Row
		rows[i].Vector = h.Vector.Slice()
	}
	return rows, err
}

// documentFrequencies asks for all terms in one round trip.
func (postgresDialect) documentFrequencies(db *gorm.DB, ws chat.WorkspaceID, terms []string) ([]int, error) {
	if len(terms) == 0 {
		return nil, nil
	}
	quoted := make([]string, len(terms))
	for i, t := range terms {
		quoted[i] = quoteLexeme(t)
	}
	var counts []int
	err := db.Raw(`SELECT (SELECT count(*) FROM chunks WHERE workspace_id = ? AND terms @@ CAST(asked.term AS tsquery))
		FROM unnest(CAST(? AS text[])) WITH ORDINALITY AS asked (term, place) ORDER BY place`, int64(ws), &quoted).Scan(&counts).Error
	return counts, err
}

// frequencyOf is SQL for how often a passage says a term. PostgreSQL has no
// function for it that is not slow, but for a query of one word ts_rank is the
// sum of 1/l² for l up to that number, divided by pi²/6 (its source,
// calc_rank_or): the first dozen of those sums lie between these bounds.
const frequencyOf = `width_bucket(CAST(ts_rank('{1,1,1,1}', chunks.terms, CAST(? AS tsquery)) AS float8) * 1.64493406685,
	ARRAY[0.9, 1.1, 1.3, 1.39, 1.44, 1.477, 1.501, 1.519, 1.533, 1.544, 1.553, 1.561])`

// keywordLeg scores the proposed passages in the database, by BM25 as rank.Score has
// it, and the best of them again, as its own arithmetic is a little less exact. MATERIALIZED keeps PostgreSQL from
// counting a term's places anew wherever the formula needs them; and only of the
// best does it read what all their terms are, one by one: in a workspace that is new
// to the planner's statistics it would otherwise compare the best with all passages.
func (postgresDialect) keywordLeg(db *gorm.DB, q keywordQuery) ([]rank.Scored, error) {
	quoted := make([]string, len(q.terms))
	columns := []string{"CAST(? AS float8) + CAST(? AS float8) * chunks.term_count AS length"}
	inner := []any{rank.K1 * (1 - rank.B), rank.K1 * rank.B / max(q.corpus.AvgTerms, 1)}
	var score []string
	var args []any
	for i, t := range q.terms {
		quoted[i] = quoteLexeme(t)
		f := "f" + strconv.Itoa(i)
		columns, inner = append(columns, frequencyOf+" AS "+f), append(inner, quoted[i])
		score, args = append(score, "CAST(? AS float8) * "+f+" / ("+f+" + length)"), append(args, q.idf[i]*(rank.K1+1))
	}
	matching := db.Table("chunks").Select("chunks.conversation_id, chunks.position, "+strings.Join(columns, ", "), inner...).
		Where("chunks.workspace_id = ? AND chunks.terms @@ CAST(? AS tsquery)", int64(q.workspace), strings.Join(quoted[:q.proposing], " | "))
	if q.filter != (chat.Filter{}) {
		matching = whereFilter(matching.Joins("JOIN conversations ON conversations.workspace_id = chunks.workspace_id "+
			"AND conversations.id = chunks.conversation_id"), q.filter)
	}
	var rows []struct {
		ConversationID string
		Position       int
		TermCount      int
		Terms          string
	}
	err := db.Raw(`WITH matching AS MATERIALIZED (?), best AS (
			SELECT conversation_id, position, `+strings.Join(score, " + ")+` AS score
			FROM matching ORDER BY score DESC, conversation_id, position LIMIT ?)
		SELECT chunk.conversation_id, chunk.position, chunk.term_count, CAST(chunk.terms AS text) AS terms
		FROM best CROSS JOIN LATERAL (
			SELECT conversation_id, position, term_count, terms FROM chunks
			WHERE workspace_id = ? AND conversation_id = best.conversation_id AND position = best.position LIMIT 1) AS chunk`,
		append(append([]any{matching}, args...), candidates, int64(q.workspace))...).Find(&rows).Error
	found := make([]rank.Scored, len(rows))
	for i, r := range rows {
		found[i] = rank.Scored{
			Key:   rank.Key{Conversation: r.ConversationID, Position: r.Position},
			Score: rank.Score(placesIn(r.Terms, quoted), q.idf, r.TermCount, q.corpus.AvgTerms),
		}
	}
	return found, err
}

// candidates is how many passages the database proposes before they are scored here.
const candidates = 300

// placesIn counts the places of each quoted term in a tsvector's text form.
func placesIn(vector string, quoted []string) []int {
	counts := make([]int, len(quoted))
	for entry := range strings.SplitSeq(vector, " ") {
		for i, term := range quoted {
			if places, ok := strings.CutPrefix(entry, term+":"); ok {
				counts[i] = strings.Count(places, ",") + 1
			}
		}
	}
	return counts
}

// nearest compares one by one what is small, and asks the workspace's own index
// otherwise. While that is still being built, a search is slow rather than wrong.
func (d postgresDialect) nearest(db *gorm.DB, q vectorQuery) ([]rank.Scored, error) {
	indexed, err := d.indexes.usable(db, annIndexName(q.space()))
	if err == nil && indexed {
		indexed, err = outgrown(db, q)
	}
	if err != nil {
		return nil, err
	}
	if indexed {
		found, err := d.approximate(db, q)
		if err != nil || len(found) == LegSize {
			return found, err
		} // else the scan has ended among entries that do not count, or there are no more
	}
	return exact(db, q)
}

// enoughToTell is how many conversations mostly have, together, more passages than
// are compared one by one: then the others need not be counted.
const enoughToTell = 1000

// outgrown reports whether the passages that a query is about are too many to be
// compared one by one. The second count is made only when the first has not told.
func outgrown(db *gorm.DB, q vectorQuery) (large bool, err error) {
	all := filtered(db, q.workspace, q.filter)
	some := db.Table("(?) AS conversations", all.Session(&gorm.Session{}).Select("chunk_count").Limit(enoughToTell))
	err = db.Raw("SELECT (?) > ? OR (?) > ?", passages(some), q.exactLimit, passages(all), q.exactLimit).Row().Scan(&large)
	return large, err
}

// exact sorts all vectors of the workspace by distance. No index is over the bare
// column, so no plan can take one. Vectors of another length, which cannot be
// compared, are left out first.
func exact(db *gorm.DB, q vectorQuery) ([]rank.Scored, error) {
	found, err := scanScored(embeddingsOf(db, q).
		Select("embeddings.conversation_id, embeddings.position, embeddings.vector <=> ? AS distance", pgvector.NewHalfVector(q.vector)).
		Order("distance, embeddings.conversation_id, embeddings.position").Limit(LegSize))
	for i := range found {
		found[i].Score = 1 - found[i].Score
	}
	return top(found, LegSize), err
}

// atKeys has one group of conditions a conversation.
func (postgresDialect) atKeys(db *gorm.DB, table string, keys []rank.Key) *gorm.DB {
	positions := map[string][]int{}
	var order []string
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
