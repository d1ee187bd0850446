package rank

// Weights are the distinct terms of a query with their weights in a workspace, those that no
// passage contains too.
type Weights []Weight

// Weight is how much a term of a query says about a passage that contains it.
type Weight struct {
	Term      string
	Weight    float64
	Spellings []string // terms that stand for this one, which no passage contains
}

// Coverage returns which share of the query's weight a text with these terms has, 0 to 1.
func (w Weights) Coverage(terms []string) float64 {
	held := make(map[string]bool, len(terms))
	for _, t := range terms {
		held[t] = true
	}
	whole, covered := 0.0, 0.0
	for _, asked := range w {
		whole += asked.Weight
		if asked.in(held) {
			covered += asked.Weight
		}
	}
	if whole == 0 {
		return 0
	}
	return covered / whole
}

func (w Weight) in(held map[string]bool) bool {
	if held[w.Term] {
		return true
	}
	for _, t := range w.Spellings {
		if held[t] {
			return true
		}
	}
	return false
}
