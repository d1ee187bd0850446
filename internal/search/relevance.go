package search

import (
	"math"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
)

// found is what the legs of a search found, and what tells how relevant each passage is.
type found struct {
	ranked []rank.Fused // best first; their scores give only the order
	mode   Mode         // the legs that answered

	weights  rank.Weights
	days     map[string]float64 // the terms of the days that the query names, with their weights
	cosines  map[rank.Key]float64
	farthest float64 // the cosine of a passage that is not in cosines
	scale    rank.Background
	hasScale bool
	best     rank.Evidence
	standing float64 // the likeness from which passages stand out from the other conversations
}

// dayCoverage is the share of a query that a passage covers by the day that the query names.
// The words of a date ("last Christmas") are rarely in the passage.
const dayCoverage = 0.6

// judge takes what the legs found as the measure of relevance.
func (f *found) judge(words store.Words, keyword store.Found, semantic []rank.Scored) {
	f.weights, f.days = keyword.Weights, map[string]float64{}
	for _, day := range words.Days {
		f.days[day.Term] = max(f.days[day.Term], day.Weight)
	}
	f.best = rank.Evidence{Coverage: keyword.Coverage, HasLike: f.hasScale && len(semantic) > 0}
	f.standing = math.Inf(1)
	if !f.best.HasLike {
		return
	}
	f.standing = rank.StandsOut(likenesses(f.scale, semantic))
	f.cosines = make(map[rank.Key]float64, len(semantic))
	for _, s := range semantic {
		f.cosines[s.Key] = s.Score
	}
	f.best.Likeness, f.farthest = f.scale.Likeness(semantic[0].Score), semantic[len(semantic)-1].Score
}

// likenesses returns the likeness of the nearest passage of each conversation, best first.
// semantic is best first.
func likenesses(scale rank.Background, semantic []rank.Scored) (best []float64) {
	seen := map[chat.ConversationID]bool{}
	for _, s := range semantic {
		if !seen[s.Key.Conversation] {
			seen[s.Key.Conversation] = true
			best = append(best, scale.Likeness(s.Score))
		}
	}
	return best
}

// standsOut reports whether a passage is clearly nearer to the query than most conversations.
func (f *found) standsOut(key rank.Key) bool {
	cosine, near := f.cosines[key]
	return near && f.best.HasLike && f.scale.Likeness(cosine) >= f.standing
}

// relevance returns how relevant a passage with these terms is.
func (f *found) relevance(key rank.Key, terms []string) float64 {
	own := rank.Evidence{Coverage: f.weights.Coverage(terms), HasLike: f.best.HasLike}
	if day := f.dayIn(terms); day > 0 {
		own.Coverage += (1 - own.Coverage) * dayCoverage * day
	}
	if own.HasLike {
		cosine, near := f.cosines[key]
		if !near {
			cosine = f.farthest
		}
		own.Likeness = f.scale.Likeness(cosine)
	}
	best := f.best
	best.Coverage = max(best.Coverage, own.Coverage)
	return rank.Relevance(own, best)
}

// dayIn returns the weight of the best day that a passage has.
func (f *found) dayIn(terms []string) (best float64) {
	if len(f.days) == 0 {
		return 0
	}
	for _, t := range terms {
		best = max(best, f.days[t])
		if len(t) == len("2006-01-02") {
			best = max(best, f.days[t[:len("2006-01-")]])
		}
	}
	return best
}

// relevant leaves out the hits below the floor of the query, and gives the others scores that
// fall in their order. A query without a floor of its own keeps what stands out, too.
func (f *found) relevant(q Query, hits []Hit) []Hit {
	kept := hits[:0]
	var scores []float64
	for _, hit := range hits {
		if hit.Score >= q.floor() || (q.MinScore == nil && f.standsOut(hit.Key)) {
			kept, scores = append(kept, hit), append(scores, hit.Score)
		}
	}
	for i, score := range rank.Falling(scores) {
		kept[i].Score = score
	}
	return kept
}
