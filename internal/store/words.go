package store

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Words is what the keyword leg of a search looks for.
type Words struct {
	Terms []string // of the query (text.Terms), in order and with repeats
	Days  []Day    // terms that stand for the dates in the query; the first eight count that passages contain

	// Spellings returns the terms that a term of the query may have been meant to be. It is
	// asked only for terms that no passage contains. Nil for none.
	Spellings func(term string) []string
}

// Day is a term that stands for a day, or the beginning of the terms of several days.
type Day struct {
	Term   string
	Prefix bool    // Term is only the beginning
	Weight float64 // 0 to 1, how well the day fits the query
}

// SpellingWeight is how much a term counts that a term of the query may have been meant to be.
const SpellingWeight = 0.7

// maxSpellings is how many terms may stand for one that no passage contains, the most frequent
// first.
const maxSpellings = 3

// maxDays is how many terms of days count, so that they do not push out the words.
const maxDays = 8

// weighed is a query with the weights of its terms in a workspace.
type weighed struct {
	terms   []weighedTerm // rarest first, at most dialect.MaxQueryTerms; all in some passage
	weights rank.Weights
}

// weighedTerm is a term that at least one passage contains.
type weighedTerm struct {
	dialect.Term

	documents int     // how many passages of the workspace contain it
	weight    float64 // 0 to 1
	stands    string  // the term of the query that it stands for; empty for a day
}

// weigh looks up how many passages contain each term, and replaces terms that none contains
// by their spellings.
func (v *View) weigh(ws chat.WorkspaceID, words Words, corpus rank.Corpus) (weighed, error) {
	distinct := slices.DeleteFunc(slices.Clone(words.Terms), notATerm)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	asked := make([]weighedTerm, 0, len(distinct)+len(words.Days))
	for _, term := range distinct {
		asked = append(asked, weighedTerm{Term: dialect.Term{Text: termPrefix(ws) + term}, weight: 1, stands: term})
	}
	for _, day := range words.Days {
		asked = append(asked, weighedTerm{Term: dialect.Term{Text: termPrefix(ws) + day.Term, Prefix: day.Prefix}, weight: day.Weight})
	}
	if err := v.count(ws, asked, corpus); err != nil {
		return weighed{}, err
	}
	var q weighed
	var spelled []weighedTerm
	days := 0
	for _, t := range asked {
		if t.stands != "" {
			// A term that no passage contains weighs as one of a single passage, or in a small workspace it
			// would be most of the query.
			weight := t.weight * rank.IDF(corpus.Docs, max(t.documents, 1))
			q.weights = append(q.weights, rank.Weight{Term: t.stands, Weight: weight})
		}
		switch {
		case t.documents > 0 && t.stands == "" && days == maxDays: // the best were first
		case t.documents > 0:
			if t.stands == "" {
				days++
			}
			q.terms = append(q.terms, t)
		case t.stands != "" && words.Spellings != nil:
			spelled = append(spelled, spellings(ws, t, words.Spellings(t.stands))...)
		}
	}
	if err := v.count(ws, spelled, corpus); err != nil {
		return weighed{}, err
	}
	spelled = mostFrequent(spelled)
	q.terms = append(q.terms, spelled...)
	for i := range q.weights {
		for _, t := range spelled {
			if t.stands == q.weights[i].Term {
				q.weights[i].Spellings = append(q.weights[i].Spellings, strings.TrimPrefix(t.Text, termPrefix(ws)))
			}
		}
	}
	slices.SortFunc(q.terms, func(a, b weighedTerm) int {
		return cmp.Or(cmp.Compare(a.documents, b.documents), cmp.Compare(a.Text, b.Text), cmp.Compare(b.weight, a.weight))
	})
	q.terms = slices.CompactFunc(q.terms, func(a, b weighedTerm) bool { return a.Term == b.Term })
	q.terms = q.terms[:min(len(q.terms), dialect.MaxQueryTerms)]
	return q, nil
}

func spellings(ws chat.WorkspaceID, of weighedTerm, terms []string) (list []weighedTerm) {
	for _, term := range terms {
		if !notATerm(term) {
			list = append(list, weighedTerm{
				Term: dialect.Term{Text: termPrefix(ws) + term}, weight: SpellingWeight * of.weight, stands: of.stands,
			})
		}
	}
	return list
}

// count sets how many passages contain each term. A transaction that writes counts all of
// them, because only it sees what it has written.
func (v *View) count(ws chat.WorkspaceID, list []weighedTerm, corpus rank.Corpus) error {
	var terms []dialect.Term
	var asked []*weighedTerm
	for i := range list {
		if documents, known := v.counts.of(ws, list[i].Term, corpus.Docs); known && !v.writing {
			list[i].documents = documents
			continue
		}
		terms, asked = append(terms, list[i].Term), append(asked, &list[i])
	}
	counts, err := v.database.DocumentFrequencies(v.db, ws, terms)
	if err != nil {
		return v.fault(err)
	}
	for i, t := range asked {
		if t.documents = counts[i]; !v.writing {
			v.counts.learn(ws, t.Term, counts[i], corpus.Docs)
		}
	}
	return nil
}

// mostFrequent returns the most frequent terms for each term that they stand for.
func mostFrequent(spelled []weighedTerm) (kept []weighedTerm) {
	slices.SortFunc(spelled, func(a, b weighedTerm) int {
		return cmp.Or(cmp.Compare(b.documents, a.documents), cmp.Compare(a.Text, b.Text))
	})
	number := map[string]int{}
	for _, t := range spelled {
		if t.documents > 0 && number[t.stands] < maxSpellings {
			number[t.stands]++
			kept = append(kept, t)
		}
	}
	return kept
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

// pairs returns the terms that stand side by side in the query.
func (q weighed) pairs(terms []string) (pairs []rank.Pair) {
	number := make(map[string]int, len(q.terms))
	for i, t := range q.terms {
		if _, known := number[t.stands]; !known {
			number[t.stands] = i
		}
	}
	for i := 0; i+1 < len(terms); i++ {
		a, knownA := number[terms[i]]
		b, knownB := number[terms[i+1]]
		if pair := (rank.Pair{First: a, Second: b}); knownA && knownB && a != b && !slices.Contains(pairs, pair) {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// coverage returns which share of the query's weight a passage has.
func (q weighed) coverage(m rank.Match) float64 {
	var held []string
	for i, t := range q.terms {
		if m.Holds(i) && t.stands != "" {
			held = append(held, t.stands)
		}
	}
	return q.weights.Coverage(held)
}
