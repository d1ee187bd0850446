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

// heapReserve is how many bytes Go's heap may grow while large requests are in progress,
// beyond its size before and the memory that the requests reserved.
const heapReserve = 32 << 20

// collectEarlier returns a function that makes the garbage collector run earlier while
// large requests are in progress. By default the heap grows to twice the memory in use,
// which is twice the memory that these requests reserved. The function changes nothing
// when GOMEMLIMIT is set.
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

// memoryInUse returns the size of the heap after the last collection, plus the memory
// that Go needs for stacks and metadata.
func memoryInUse() (bytes int64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/memory/classes/metadata/other:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		bytes += int64(s.Value.Uint64()) //nolint:gosec // far below the limit of int64
	}
	return bytes
}
