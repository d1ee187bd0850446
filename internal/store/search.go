package store

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// LegSize is how many passages each leg of a search returns.
const LegSize = dialect.LegSize

// Found is what the keyword leg found.
type Found struct {
	Passages []rank.Scored // best first
	Weights  rank.Weights  // of the terms of the query
	Coverage float64       // the largest share of the query's weight that a passage has, 0 to 1
}

// SearchKeyword returns the passages that contain any of the terms, at most LegSize,
// ordered by BM25 over the workspace's own statistics, with what terms add that stand side
// by side as in the query, and then by key.
func (v *View) SearchKeyword(ws chat.WorkspaceID, words Words, f chat.Filter) (found Found, err error) {
	corpus, err := v.corpus(ws)
	if err != nil {
		return Found{}, err
	}
	query, err := v.weigh(ws, words, corpus)
	found.Weights = query.weights
	if err != nil || len(query.terms) == 0 {
		return found, err
	}
	q := dialect.KeywordQuery{Workspace: ws, Corpus: corpus, Filter: f, Proposing: proposing(query.terms, v.maxProposed)}
	for _, t := range query.terms {
		q.Terms, q.IDF = append(q.Terms, t.Term), append(q.IDF, t.weight*rank.IDF(corpus.Docs, t.documents))
	}
	matches, err := v.database.Keyword(v.db, q)
	if err == nil && len(matches) < LegSize && q.Proposing < len(q.Terms) { // the filter excluded too many of them
		q.Proposing = len(q.Terms)
		matches, err = v.database.Keyword(v.db, q)
	}
	if err != nil {
		return Found{}, v.fault(err)
	}
	slices.SortFunc(matches, func(a, b rank.Match) int { return rank.CompareScored(a.Scored, b.Scored) })
	pairs := query.pairs(words.Terms)
	for _, m := range matches[:min(len(matches), LegSize)] {
		m.Score += m.Adjacency(pairs, q.IDF)
		found.Passages = append(found.Passages, m.Scored)
		found.Coverage = max(found.Coverage, query.coverage(m))
	}
	rank.Top(found.Passages, LegSize)
	return found, nil
}

// Weigh returns the weights of the terms of a query.
func (v *View) Weigh(ws chat.WorkspaceID, words Words) (rank.Weights, error) {
	corpus, err := v.corpus(ws)
	if err != nil {
		return nil, err
	}
	q, err := v.weigh(ws, words, corpus)
	return q.weights, err
}

// DefaultMaxProposed is how many passages a search for several words scores. Every word
// counts in the score of a passage. But the most common words, whose share of the score
// is the smallest, do not select passages that have none of the rarer words.
// docs/benchmarks.md has the effect.
const DefaultMaxProposed = 5000

// proposing returns how many of the terms, rarest first, select passages: as many as
// select at most limit passages, and at least one.
func proposing(query []weighedTerm, limit int) int {
	n, passages := 1, query[0].documents
	for n < len(query) && passages+query[n].documents <= limit {
		passages += query[n].documents
		n++
	}
	return n
}

// SearchSemantic returns the passages whose vectors are nearest to the query's, at most
// LegSize, ordered by cosine and then by key. It ignores vectors of other models.
func (v *View) SearchSemantic(ws chat.WorkspaceID, model embed.Model, vector []float32, f chat.Filter) ([]rank.Scored, error) {
	scored, err := v.database.Nearest(v.db, dialect.VectorQuery{
		Workspace: ws, Model: model.ID, Vector: vector, Filter: f, ExactLimit: v.exactLimit, Writing: v.writing,
	})
	return scored, v.fault(err)
}

// corpus counts a workspace's passages and their mean length.
func (v *View) corpus(ws chat.WorkspaceID) (rank.Corpus, error) {
	var docs, terms int
	err := v.db.Model(&dialect.ConversationRow{}).Where("workspace_id = ?", int64(ws)).
		Select("coalesce(sum(chunk_count), 0), coalesce(sum(term_count), 0)").Row().Scan(&docs, &terms)
	if err != nil {
		return rank.Corpus{}, v.fault(err)
	}
	return rank.Corpus{Docs: docs, AvgTerms: float64(terms) / float64(max(docs, 1))}, nil
}
