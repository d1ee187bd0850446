package postgres

import (
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// DocumentFrequencies queries all terms in one round trip.
func (*Database) DocumentFrequencies(db *gorm.DB, ws chat.WorkspaceID, terms []dialect.Term) ([]int, error) {
	if len(terms) == 0 {
		return nil, nil
	}
	quoted := make([]string, len(terms))
	for i, t := range terms {
		quoted[i] = quoteTerm(t)
	}
	var counts []int
	err := db.Raw(`SELECT (SELECT count(*) FROM chunks WHERE workspace_id = ? AND terms @@ CAST(asked.term AS tsquery))
		FROM unnest(CAST(? AS text[])) WITH ORDINALITY AS asked (term, place) ORDER BY place`, int64(ws), &quoted).Scan(&counts).Error
	return counts, err
}

// frequencyOf is SQL for how often a passage contains a term. PostgreSQL has no quick function for it, so this
// inverts ts_rank. For a query with one term that occurs n times, ts_rank is (1/1 + 1/4 + ... + 1/(n*n)) / (pi*pi/6)
// (calc_rank_or in its source). Multiplied by pi*pi/6, that is a sum which grows with n, and each bound below is
// between two of its values. The first twelve can be distinguished; more occurrences count as twelve.
const frequencyOf = `width_bucket(CAST(ts_rank('{1,1,1,1}', chunks.terms, CAST(? AS tsquery)) AS float8) * 1.64493406685,
	ARRAY[0.9, 1.1, 1.3, 1.39, 1.44, 1.477, 1.501, 1.519, 1.533, 1.544, 1.553, 1.561])`

// Keyword scores the selected passages in the database by BM25, and the best of them
// again in Go, whose arithmetic is more exact. MATERIALIZED prevents PostgreSQL from
// counting the occurrences of a term several times. The terms of only the best passages
// are read, one passage at a time: in a workspace that the planner has no statistics of,
// PostgreSQL would otherwise compare the best with all passages.
func (*Database) Keyword(db *gorm.DB, q dialect.KeywordQuery) ([]rank.Match, error) {
	quoted := make([]string, len(q.Terms))
	columns := []string{"CAST(? AS float8) + CAST(? AS float8) * chunks.term_count AS length"}
	inner := []any{rank.K1 * (1 - rank.B), rank.K1 * rank.B / max(q.Corpus.AvgTerms, 1)}
	var score []string
	var args []any
	for i, t := range q.Terms {
		quoted[i] = quoteTerm(t)
		f := "f" + strconv.Itoa(i)
		columns, inner = append(columns, frequencyOf+" AS "+f), append(inner, quoted[i])
		score, args = append(score, "CAST(? AS float8) * "+f+" / ("+f+" + length)"), append(args, q.IDF[i]*(rank.K1+1))
	}
	matching := db.Table("chunks").Select("chunks.conversation_id, chunks.position, "+strings.Join(columns, ", "), inner...).
		Where("chunks.workspace_id = ? AND chunks.terms @@ CAST(? AS tsquery)", int64(q.Workspace), strings.Join(quoted[:q.Proposing], " | "))
	if q.Filter != (chat.Filter{}) {
		matching = dialect.WhereFilter(matching.Joins("JOIN conversations ON conversations.workspace_id = chunks.workspace_id "+
			"AND conversations.id = chunks.conversation_id"), q.Filter)
	}
	var rows []struct {
		ConversationID chat.ConversationID
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
		append(append([]any{matching}, args...), candidates, int64(q.Workspace))...).Find(&rows).Error
	found := make([]rank.Match, len(rows))
	for i, r := range rows {
		places, tf := placesIn(r.Terms, quoted)
		key := rank.Key{Conversation: r.ConversationID, Position: r.Position}
		found[i] = rank.Match{Scored: rank.Scored{Key: key, Score: rank.Score(tf, q.IDF, r.TermCount, q.Corpus.AvgTerms)}, Places: places}
	}
	return found, err
}

// candidates is how many passages the database returns to be scored in Go.
const candidates = 300

// placesIn finds the places of each quoted term in a tsvector's text form, and counts them.
func placesIn(vector string, quoted []string) (places [][]int, counts []int) {
	places, counts = make([][]int, len(quoted)), make([]int, len(quoted))
	for entry := range strings.SplitSeq(vector, " ") {
		for i, term := range quoted {
			list, ok := strings.CutPrefix(entry, term+":")
			if beginning, isPrefix := strings.CutSuffix(term, prefixMark); isPrefix && strings.HasPrefix(entry, beginning) {
				_, list, ok = strings.Cut(entry, "':")
			}
			if !ok {
				continue
			}
			counts[i] += strings.Count(list, ",") + 1
			for place := range strings.SplitSeq(list, ",") {
				if n, err := strconv.Atoi(place); err == nil && len(places[i]) < dialect.MaxPlaces {
					places[i] = append(places[i], n)
				}
			}
		}
	}
	for _, list := range places {
		slices.Sort(list) // a prefix has several entries
	}
	return places, counts
}

var lexemeEscapes = strings.NewReplacer(`'`, `''`, `\`, `\\`)

// quoteLexeme quotes a term for tsvector and tsquery alike.
func quoteLexeme(term string) string { return "'" + lexemeEscapes.Replace(term) + "'" }

// prefixMark follows a quoted term that stands for every term that begins with it.
const prefixMark = "':*"

// quoteTerm quotes a term for a tsquery.
func quoteTerm(term dialect.Term) string {
	if term.Prefix {
		return strings.TrimSuffix(quoteLexeme(term.Text), "'") + prefixMark
	}
	return quoteLexeme(term.Text)
}
