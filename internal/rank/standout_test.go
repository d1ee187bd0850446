package rank

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStandsOut(t *testing.T) {
	for _, c := range []struct {
		best []float64
		want float64
	}{
		{nil, math.Inf(1)},
		{[]float64{5}, math.Inf(1)}, // nothing to stand out from
		{[]float64{2.1, 1.3, 1.2}, 2.05},
		{[]float64{1.9, 0.4}, math.Inf(1)}, // far from the query, too
		{[]float64{2.6, 2.2, 1.9, 1.7}, math.Inf(1)},
		{[]float64{3, 2.8, 1}, 1.75}, // two of them
		{[]float64{4, 3.8, 3.6, 3.5, 1}, math.Inf(1)},
		{[]float64{3, 2.7, 1.5, 1.4, 0}, 2.25},
	} {
		got := StandsOut(c.best)
		require.True(t, got == c.want || math.Abs(got-c.want) < 1e-9, "%v: %v", c.best, got)
	}
}
