package upkeep

import "github.com/lethe-chat/lethe/internal/store"

// indexPlan is the difference between the indexes that are needed and those that
// exist.
type indexPlan struct {
	drop  []store.VectorIndex
	build []store.VectorSpace
}

// planIndexes decides what to drop and what to build. It drops indexes that are
// broken, unless somebody is still building them, and indexes of spaces that have
// become small or no longer exist. It builds an index for each large space that has
// none.
func planIndexes(spaces []store.VectorSpace, indexes []store.VectorIndex, limit int) indexPlan {
	needed := make(map[store.VectorSpace]int, len(spaces))
	for _, s := range spaces {
		needed[unsized(s)] = s.Vectors
	}
	var plan indexPlan
	served := make(map[store.VectorSpace]bool, len(indexes))
	for _, x := range indexes {
		switch _, wanted := needed[unsized(x.VectorSpace)]; {
		case x.Building:
			served[unsized(x.VectorSpace)] = true
		case !x.Valid || !wanted:
			plan.drop = append(plan.drop, x)
		default:
			served[unsized(x.VectorSpace)] = true
		}
	}
	for _, s := range spaces {
		if s.Vectors > limit && !served[unsized(s)] {
			plan.build = append(plan.build, s)
		}
	}
	return plan
}

func unsized(s store.VectorSpace) store.VectorSpace {
	s.Vectors = 0
	return s
}
