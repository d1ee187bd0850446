package sqlite

import (
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// DocumentFrequencies queries the full-text index once per term.
func (*Database) DocumentFrequencies(db *gorm.DB, _ chat.WorkspaceID, terms []string) ([]int, error) {
	counts := make([]int, len(terms))
	for i, term := range terms {
		err := db.Raw(`SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH ?`, quoteTerm(term)).Row().Scan(&counts[i])
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// scoreFunction is rank.Score as a function of the full-text index. Its arguments are the
// index, the mean length of a passage, how many of the terms select passages, and a
// weight for each term. FTS5's own bm25() would use the statistics of all workspaces.
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
	var idf [dialect.MaxQueryTerms]float64
	for i, w := range weights {
		idf[i] = w.Float()
	}
	var tf [dialect.MaxQueryTerms]int
	places, err := row.InstCount()
	if err != nil {
		return 0, err
	}
	for i := range places {
		term, _, _, err := row.Inst(i)
		switch {
		case err != nil:
			return 0, err
		case term >= 2*proposing: // the second mention of the terms that propose passages
			term -= proposing
		case term >= proposing:
			continue
		}
		tf[term]++
	}
	length, err := row.ColumnSize(0)
	return rank.Score(tf[:len(weights)], idf[:len(weights)], length, avg), err
}

// matching is the query for passages that contain one of the selecting terms. The index
// counts only terms of the query in a passage, so the other terms are in the query too,
// in a form that selects no further passages.
func matching(q dialect.KeywordQuery) string {
	quoted := make([]string, len(q.Terms))
	for i, t := range q.Terms {
		quoted[i] = quoteTerm(t)
	}
	proposed := strings.Join(quoted[:q.Proposing], " OR ")
	if q.Proposing == len(quoted) {
		return proposed
	}
	return "(" + proposed + ") OR ((" + proposed + ") AND (" + strings.Join(quoted[q.Proposing:], " OR ") + "))"
}

// Keyword scores every selected passage inside the full-text index, and looks up only the
// best. If all of them have the same score as the last one of an answer, it looks up all
// with that score, because their keys decide.
func (*Database) Keyword(db *gorm.DB, q dialect.KeywordQuery) ([]rank.Scored, error) {
	call, args := scoreFunction+"(chunks_fts, ?, ?", []any{q.Corpus.AvgTerms, q.Proposing}
	for _, weight := range q.IDF {
		call, args = call+", ?", append(args, weight)
	}
	match := db.Table("chunks_fts").Select("chunks_fts.rowid AS id, "+call+") AS score", args...).
		Where("chunks_fts MATCH ?", matching(q))
	if q.Filter != (chat.Filter{}) {
		match = dialect.WhereFilter(match.
			Joins("JOIN chunks ON chunks.id = chunks_fts.rowid").
			Joins("JOIN conversations ON conversations.workspace_id = chunks.workspace_id AND conversations.id = chunks.conversation_id"),
			q.Filter)
	}
	match = match.Session(&gorm.Session{})
	found, err := keysOf(q, db.Table("(?) AS found", match.Order("score DESC").Limit(withTies)))
	if err == nil && len(found) == withTies && found[dialect.LegSize-1].Score == found[withTies-1].Score {
		found, err = keysOf(q, db.Table("(?) AS found", match).Where("found.score >= ?", found[dialect.LegSize-1].Score))
	}
	return found, err
}

// withTies is how many passages are looked up. It is more than an answer has.
const withTies = dialect.LegSize + dialect.LegSize/2

// keysOf returns the keys of the rows that the index found, with their scores, best
// first.
func keysOf(q dialect.KeywordQuery, found *gorm.DB) ([]rank.Scored, error) {
	return dialect.ScanScored(found.Select("chunks.conversation_id, chunks.position, found.score").
		Joins("JOIN chunks ON chunks.id = found.id").Where("chunks.workspace_id = ?", int64(q.Workspace)).
		Order("found.score DESC, chunks.conversation_id, chunks.position").Limit(withTies))
}

// quoteTerm quotes a term for FTS5's query language. text.Terms returns no quotes;
// doubling them is a precaution.
func quoteTerm(term string) string { return `"` + strings.ReplaceAll(term, `"`, `""`) + `"` }
