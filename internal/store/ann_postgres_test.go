package store_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// An approximate index examines the nearest entries first and stops when its memory is
// full. If none of those passes the filter, although other passages do, all vectors are
// compared.
func TestAnIndexThatRunsDry(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, anIndexThatRunsDry)
}

func anIndexThatRunsDry(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.Postgres)
	limited := db.With(t, "work_mem", "64kB").OpenLimited(t, 50)
	ws := workspace(t, limited, "w")
	const each = 40
	for i := range 80 {
		u, side := upload(fmt.Sprint(i), "text"), 1.0
		if i < 2 {
			u.Platform, side = "far", -1
		}
		create(t, limited, ws, u)
		x := indexed()
		for p := range each {
			angle := float64(i*each+p) / 10_000
			x.Chunks = append(x.Chunks, passage(p, []float32{float32(side * math.Cos(angle)), float32(side * math.Sin(angle)), 0}, "text"))
		}
		require.NoError(t, finishAs(limited, claimOne(t, limited), x))
	}
	require.NoError(t, limited.BuildVectorIndex(ctx, store.VectorSpace{Workspace: ws, Model: testModel.ID, Dimensions: testModel.Dimensions}))
	far := chat.Filter{Platform: "far"}
	query := []float32{1, 0, 0}
	want, err := db.Open(t).View(ctx).SearchSemantic(ws, testModel, query, far)
	require.NoError(t, err)
	require.Len(t, want, 2*each)
	got, err := limited.View(ctx).SearchSemantic(ws, testModel, query, far)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	require.True(t, slices.Equal(want, got))
}
