package embed

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestUnit(t *testing.T) {
	for name, c := range map[string]struct {
		in   []float64
		want []float32
		ok   bool
	}{
		"scaled":             {[]float64{3, 4}, []float32{0.6, 0.8}, true},
		"negative":           {[]float64{-2, 0}, []float32{-1, 0}, true},
		"zeros":              {[]float64{0, 0}, nil, true},
		"empty":              {nil, nil, true},
		"squares overflow":   {[]float64{3e300, 4e300}, []float32{0.6, 0.8}, true},
		"squares underflow":  {[]float64{3e-300, 4e-300}, []float32{0.6, 0.8}, true},
		"not a number":       {[]float64{1, math.NaN()}, nil, false},
		"infinite":           {[]float64{math.Inf(1), 1}, nil, false},
		"negatively endless": {[]float64{1, math.Inf(-1)}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := unit(c.in)
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, got)
		})
	}
}

func TestNone(t *testing.T) {
	e := NewNone()
	require.Equal(t, Model{ID: "none"}, e.Model())
	got, err := e.Embed(context.Background(), []string{"a", ""})
	require.NoError(t, err)
	require.Equal(t, [][]float32{nil, nil}, got)

	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = e.Embed(ended, []string{"a"})
	require.True(t, fault.Is(err, fault.Canceled))
}
