package postgres

import (
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// DocumentFrequencies queries all terms in one round trip.
func (d *Database) DocumentFrequencies(db *gorm.DB, ws chat.WorkspaceID, terms []dialect.Term) ([]int, error) {
	if len(terms) == 0 {
		return nil, nil
	}
	key, err := d.termKey(db)
	if err != nil {
		return nil, err
	}
	var counts []int
	err = db.Raw(`SELECT (SELECT count(*) FROM chunks WHERE workspace_id = ? AND terms @> ARRAY[asked.number])
		FROM unnest(CAST(? AS int[])) WITH ORDINALITY AS asked (number, place) ORDER BY place`, int64(ws), numbersOf(key.ids(terms))).Scan(&counts).Error
	return counts, err
}

// Keyword reads the passages that may be among the best, and scores them in Go. The
// database selects them by a bound that no score exceeds and that is near to most scores.
// If the last of them might not be the last that matters, it is asked again, for all whose
// bound is high enough.
func (d *Database) Keyword(db *gorm.DB, q dialect.KeywordQuery) ([]rank.Match, error) {
	key, err := d.termKey(db)
	if err != nil {
		return nil, err
	}
	ids := key.ids(q.Terms)
	bounded := bounded(db, q, ids).Session(&gorm.Session{})
	found, bounds, err := matchesOf(q, ids, bounded.Limit(candidates))
	if err != nil || len(bounds) < candidates {
		return found, err
	}
	slices.SortFunc(found, func(a, b rank.Match) int { return rank.CompareScored(a.Scored, b.Scored) })
	least := 0.0
	if len(found) >= dialect.LegSize {
		least = found[dialect.LegSize-1].Score
	}
	if bounds[candidates-1] > least*(1+boundError) {
		found, _, err = matchesOf(q, ids, bounded.Where("bound >= ?", least*(1-boundError)))
	}
	return found, err
}

const (
	// candidates is how many passages are read at first. It is more than an answer has.
	candidates = dialect.LegSize + dialect.LegSize/2

	// boundError is the relative error of a bound, which the database computes with
	// numbers of 32 bits.
	boundError = 1e-5
)

// bounded selects the passages that contain one of the selecting terms, those with the
// highest bounds first.
//
// BM25 weighs a term that occurs n times by n/(n+K), where K depends on the length of the
// passage. counts contains 2n/(n+1) instead. The quotient of the two is 1/(1+K) for n = 1
// and approaches 1/2 for large n, so the larger of both gives the bound.
func bounded(db *gorm.DB, q dialect.KeywordQuery, ids []termID) *gorm.DB {
	weights := make([]weighedNumber, len(ids))
	for i, id := range ids {
		weights[i] = weighedNumber{id.number, q.IDF[i] * (rank.K1 + 1)}
	}
	avg := max(q.Corpus.AvgTerms, 1)
	selecting, numbers := anyTerm(ids[:q.Proposing])
	matching := db.Table("chunks").
		Select("chunks.conversation_id, chunks.position, chunks.term_count, chunks.terms, chunks.places, "+
			"-(chunks.counts <#> CAST(? AS sparsevec)) * greatest(1 / (CAST(? AS float8) + CAST(? AS float8) * chunks.term_count), 0.5) AS bound",
			sparse(weights), 1+rank.K1*(1-rank.B), rank.K1*rank.B/avg).
		Where("chunks.workspace_id = ?", int64(q.Workspace)).Where(selecting, numbers...)
	if q.Filter != (chat.Filter{}) {
		matching = dialect.WhereFilter(matching.Joins("JOIN conversations ON conversations.workspace_id = chunks.workspace_id "+
			"AND conversations.id = chunks.conversation_id"), q.Filter)
	}
	return db.Table("(?) AS matching", matching).Order("bound DESC, conversation_id, position")
}

// anyTerm is the condition that a passage contains one of the terms. Separate conditions
// are several times faster than one for an array of them, because each reads one list of
// the index. The rarest term is repeated, so that there are few different statements.
func anyTerm(ids []termID) (condition string, numbers []any) {
	n := 1
	for n < len(ids) {
		n *= 2
	}
	for i := range n {
		id := ids[0]
		if i < len(ids) {
			id = ids[i]
		}
		numbers = append(numbers, id.number)
	}
	const one = "chunks.terms @> ARRAY[CAST(? AS int)]"
	return "(" + one + strings.Repeat(" OR "+one, n-1) + ")", numbers
}

// matchesOf reads and scores passages, and returns the bounds of those that were selected.
// It leaves out those that contain no term, but another one with the same number.
func matchesOf(q dialect.KeywordQuery, ids []termID, passages *gorm.DB) (found []rank.Match, bounds []float64, err error) {
	rows, err := passages.Select("conversation_id, position, term_count, terms, places, bound").Rows()
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var key rank.Key
		var length int
		var numbers string
		var stored storedTerms
		var bound float64
		if err := rows.Scan(&key.Conversation, &key.Position, &length, &numbers, &stored.places, &bound); err != nil {
			return nil, nil, err
		}
		stored.numbers, bounds = numbersIn(numbers), append(bounds, bound)
		places, tf := stored.find(ids)
		if score := rank.Score(tf, q.IDF, length, q.Corpus.AvgTerms); score > 0 {
			found = append(found, rank.Match{Scored: rank.Scored{Key: key, Score: score}, Places: places})
		}
	}
	return found, bounds, rows.Err()
}
