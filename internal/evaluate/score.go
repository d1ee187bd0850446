package evaluate

import (
	"slices"
	"time"
)

// Score summarizes the outcomes of questions.
type Score struct {
	Questions int           `json:"questions"`
	Hit5      float64       `json:"hit5"` // the share with evidence among the first 5 results
	Hit10     float64       `json:"hit10"`
	Hit20     float64       `json:"hit20"`
	MRR       float64       `json:"mrr"` // mean of 1/rank, with 0 for evidence that was not found
	P95       time.Duration `json:"p95"` // of the durations of the searches
}

// ScoreOf summarizes the answers that pass. It returns the zero Score when none passes.
func ScoreOf(answers []Answered, passes func(Answered) bool) Score {
	var s Score
	var took []time.Duration
	for _, a := range answers {
		if !passes(a) {
			continue
		}
		s.Questions++
		took = append(took, a.Took)
		if a.Rank == 0 {
			continue
		}
		s.MRR += 1 / float64(a.Rank)
		for at, hits := range map[int]*float64{5: &s.Hit5, 10: &s.Hit10, 20: &s.Hit20} {
			if a.Rank <= at {
				*hits++
			}
		}
	}
	if s.Questions == 0 {
		return s
	}
	for _, sum := range []*float64{&s.Hit5, &s.Hit10, &s.Hit20, &s.MRR} {
		*sum /= float64(s.Questions)
	}
	slices.Sort(took)
	s.P95 = took[(len(took)*95-1)/100]
	return s
}
