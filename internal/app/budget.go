package app

import (
	"math"
	"runtime/debug"
	"runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/config"
)

// newBudget returns the memory that large requests share.
func newBudget(c config.Config, registry *prometheus.Registry) *budget.Budget {
	bytes := int64(c.MemoryBudget) << 20
	return budget.New(budget.Options{Bytes: bytes, Metrics: registry, Busy: collectEarlier(bytes)})
}

// heapReserve is what Go's heap may hold while large requests are in progress, over
// what it held before and what they are counted with.
const heapReserve = 32 << 20

// collectEarlier returns a function that makes the garbage collector run earlier
// while large requests are in progress: by itself it lets the heap grow to twice of
// what is in use, which is twice what those requests are counted with. At other times
// it is left alone, and always when GOMEMLIMIT is set.
func collectEarlier(bytes int64) func(busy bool) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return func(bool) {}
	}
	return func(busy bool) {
		limit := int64(math.MaxInt64)
		if busy {
			limit = memoryInUse() + bytes + heapReserve
		}
		debug.SetMemoryLimit(limit)
	}
}

// memoryInUse is what the last collection left in the heap, with what Go needs
// besides.
func memoryInUse() (bytes int64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/memory/classes/metadata/other:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		bytes += int64(s.Value.Uint64()) //nolint:gosec // far below
	}
	return bytes
}
