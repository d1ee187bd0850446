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

// DocumentFrequencies asks the full-text index for one term after the other.
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

// Keyword scores every passage that has one of the terms, inside the full-text
// index, and looks up only the best. When all of these tie with the last one that a
// search may answer, it looks up all that tie: their keys decide.
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

// withTies is how many passages are looked up, more than a search may answer.
const withTies = dialect.LegSize + dialect.LegSize/2

// keysOf returns the keys of the rows that the index found, with their scores, the
// best first.
func keysOf(q dialect.KeywordQuery, found *gorm.DB) ([]rank.Scored, error) {
	return dialect.ScanScored(found.Select("chunks.conversation_id, chunks.position, found.score").
		Joins("JOIN chunks ON chunks.id = found.id").Where("chunks.workspace_id = ?", int64(q.Workspace)).
		Order("found.score DESC, chunks.conversation_id, chunks.position").Limit(withTies))
}

// quoteTerm makes a term a string of FTS5's query language. Terms have no quotes
// in them (text.Terms), so doubling them only keeps a mistake harmless.
func quoteTerm(term string) string { return `"` + strings.ReplaceAll(term, `"`, `""`) + `"` }
