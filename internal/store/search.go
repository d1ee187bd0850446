package store

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// LegSize is how many passages each leg of a search returns.
const LegSize = dialect.LegSize

// SearchKeyword returns the passages that contain any of the terms, at most LegSize,
// ordered by BM25 over the workspace's own statistics and then by key.
func (v *View) SearchKeyword(ws chat.WorkspaceID, terms []string, f chat.Filter) ([]rank.Scored, error) {
	query, err := v.weigh(ws, terms)
	if err != nil || len(query) == 0 {
		return nil, err
	}
	corpus, err := v.corpus(ws)
	if err != nil {
		return nil, err
	}
	q := dialect.KeywordQuery{Workspace: ws, Corpus: corpus, Filter: f, Proposing: proposing(query, v.maxProposed)}
	for _, t := range query {
		q.Terms, q.IDF = append(q.Terms, t.term), append(q.IDF, rank.IDF(corpus.Docs, t.documents))
	}
	scored, err := v.database.Keyword(v.db, q)
	if err == nil && len(scored) < LegSize && q.Proposing < len(q.Terms) { // the filter excluded too many of them
		q.Proposing = len(q.Terms)
		scored, err = v.database.Keyword(v.db, q)
	}
	if err != nil {
		return nil, v.fault(err)
	}
	return rank.Top(scored, LegSize), nil
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

type weighedTerm struct {
	term      string // prefixed
	documents int    // how many passages of the workspace contain it
}

// weigh removes repeated terms and terms that no passage contains, and keeps the rarest.
func (v *View) weigh(ws chat.WorkspaceID, terms []string) ([]weighedTerm, error) {
	distinct := slices.DeleteFunc(slices.Clone(terms), notATerm)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	distinct = prefixed(ws, distinct)
	frequencies, err := v.database.DocumentFrequencies(v.db, ws, distinct)
	if err != nil {
		return nil, v.fault(err)
	}
	var weighed []weighedTerm
	for i, term := range distinct {
		if n := frequencies[i]; n > 0 {
			weighed = append(weighed, weighedTerm{term, n})
		}
	}
	slices.SortFunc(weighed, func(a, b weighedTerm) int {
		return cmp.Or(cmp.Compare(a.documents, b.documents), cmp.Compare(a.term, b.term))
	})
	return weighed[:min(len(weighed), dialect.MaxQueryTerms)], nil
}

// notATerm reports whether text.Terms never returns such a term, so that no passage
// contains it. A blank, a quote or a star in it would have a special meaning in a
// full-text query.
func notATerm(s string) bool {
	return s == "" || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return r < utf8.RuneSelf && !strings.ContainsRune(termASCII, r)
	})
}

const termASCII = "abcdefghijklmnopqrstuvwxyz0123456789_.-/:@#+"

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
