package sqlite

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// DocumentFrequencies queries the full-text index for all terms in one statement.
func (*Database) DocumentFrequencies(db *gorm.DB, _ chat.WorkspaceID, terms []dialect.Term) ([]int, error) {
	if len(terms) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(quoteTerms(terms))
	if err != nil {
		return nil, err
	}
	var counts []int
	err = db.Raw(`SELECT (SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH asked.value)
		FROM json_each(?) AS asked ORDER BY asked.key`, string(list)).Scan(&counts).Error
	return counts, err
}

// matchFunction scores a passage by rank.Score and finds the places of the terms in it. It
// is a function of the full-text index, because only that knows the places. Its arguments
// are the index, the mean length of a passage, how many of the terms select passages, and a
// weight for each term. FTS5's own bm25() would use the statistics of all workspaces.
//
// Its result is a blob: the score (scoreBytes), then placeBytes for each place. Blobs are
// compared from their first byte on, so sorting by blobs sorts by scores.
const matchFunction = "passage_match"

const (
	scoreBytes = 8 // the bits of a float64 that is not negative, big-endian
	placeBytes = 5 // the number of the term, and the place, big-endian
)

func registerScore(api *fts5.API) error {
	return api.CreateFunction(matchFunction, func(row fts5.Context, answer sqlite3.Context, args ...sqlite3.Value) {
		match, err := passageMatch(row, args)
		if err != nil {
			answer.ResultError(err)
			return
		}
		answer.ResultBlob(match)
	})
}

func passageMatch(row fts5.Context, args []sqlite3.Value) ([]byte, error) {
	avg, proposing, weights := args[0].Float(), args[1].Int(), args[2:]
	var idf [dialect.MaxQueryTerms]float64
	for i, w := range weights {
		idf[i] = w.Float()
	}
	var tf [dialect.MaxQueryTerms]int
	places, err := row.InstCount()
	if err != nil {
		return nil, err
	}
	match := make([]byte, scoreBytes, scoreBytes+placeBytes*places)
	for i := range places {
		term, _, place, err := row.Inst(i)
		switch {
		case err != nil:
			return nil, err
		case term >= 2*proposing: // after those that propose comes their second mention
			term -= proposing
		case term >= proposing:
			continue
		}
		if tf[term]++; tf[term] <= dialect.MaxPlaces {
			match = binary.BigEndian.AppendUint32(append(match, byte(term)), uint32(place)) //nolint:gosec // not negative
		}
	}
	length, err := row.ColumnSize(0)
	score := rank.Score(tf[:len(weights)], idf[:len(weights)], length, avg)
	binary.BigEndian.PutUint64(match, math.Float64bits(score))
	return match, err
}

// readMatch reads what passageMatch wrote about so many terms.
func readMatch(key rank.Key, match []byte, terms int) rank.Match {
	m := rank.Match{
		Scored: rank.Scored{Key: key, Score: math.Float64frombits(binary.BigEndian.Uint64(match))},
		Places: make([][]int, terms),
	}
	for at := match[scoreBytes:]; len(at) >= placeBytes; at = at[placeBytes:] {
		m.Places[at[0]] = append(m.Places[at[0]], int(binary.BigEndian.Uint32(at[1:])))
	}
	return m
}

// matching is the query for passages that contain one of the selecting terms. The index
// counts only terms of the query in a passage, so the other terms are in the query too,
// in a form that selects no further passages.
func matching(q dialect.KeywordQuery) string {
	quoted := quoteTerms(q.Terms)
	proposed := strings.Join(quoted[:q.Proposing], " OR ")
	if q.Proposing == len(quoted) {
		return proposed
	}
	return "(" + proposed + ") OR ((" + proposed + ") AND (" + strings.Join(quoted[q.Proposing:], " OR ") + "))"
}

// Keyword scores every selected passage inside the full-text index, and looks up only the
// best. If all of them have the same score as the last one of an answer, it looks up all
// with that score, because their keys decide.
func (*Database) Keyword(db *gorm.DB, q dialect.KeywordQuery) ([]rank.Match, error) {
	call, args := matchFunction+"(chunks_fts, ?, ?", []any{q.Corpus.AvgTerms, q.Proposing}
	for _, weight := range q.IDF {
		call, args = call+", ?", append(args, weight)
	}
	match := db.Table("chunks_fts").Select("chunks_fts.rowid AS id, "+call+") AS scored", args...).
		Where("chunks_fts MATCH ?", matching(q))
	if q.Filter != (chat.Filter{}) {
		match = dialect.WhereFilter(match.
			Joins("JOIN chunks ON chunks.id = chunks_fts.rowid").
			Joins("JOIN conversations ON conversations.workspace_id = chunks.workspace_id AND conversations.id = chunks.conversation_id"),
			q.Filter)
	}
	match = match.Session(&gorm.Session{})
	found, err := matchesOf(q, db.Table("(?) AS found", match.Order("scored DESC").Limit(withTies)))
	if err == nil && len(found) == withTies && found[dialect.LegSize-1].Score == found[withTies-1].Score {
		least := binary.BigEndian.AppendUint64(nil, math.Float64bits(found[dialect.LegSize-1].Score))
		found, err = matchesOf(q, db.Table("(?) AS found", match).Where("found.scored >= ?", least))
	}
	return found, err
}

// withTies is how many passages are looked up. It is more than an answer has.
const withTies = dialect.LegSize + dialect.LegSize/2

// matchesOf returns the passages of the rows that the index found, best first.
func matchesOf(q dialect.KeywordQuery, found *gorm.DB) ([]rank.Match, error) {
	var rows []struct {
		ConversationID chat.ConversationID
		Position       int
		Scored         []byte
	}
	err := found.Select("chunks.conversation_id, chunks.position, found.scored").
		Joins("JOIN chunks ON chunks.id = found.id").Where("chunks.workspace_id = ?", int64(q.Workspace)).
		Order(fmt.Sprintf("substr(found.scored, 1, %d) DESC, chunks.conversation_id, chunks.position", scoreBytes)).
		Limit(withTies).Scan(&rows).Error
	matches := make([]rank.Match, len(rows))
	for i, r := range rows {
		matches[i] = readMatch(rank.Key{Conversation: r.ConversationID, Position: r.Position}, r.Scored, len(q.Terms))
	}
	return matches, err
}

func quoteTerms(terms []dialect.Term) []string {
	quoted := make([]string, len(terms))
	for i, t := range terms {
		quoted[i] = quoteTerm(t)
	}
	return quoted
}

// quoteTerm quotes a term for FTS5's query language. text.Terms returns no quotes;
// doubling them is a precaution.
func quoteTerm(term dialect.Term) string {
	quoted := `"` + strings.ReplaceAll(term.Text, `"`, `""`) + `"`
	if term.Prefix {
		return quoted + "*"
	}
	return quoted
}
