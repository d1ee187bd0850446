package bench_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watched is the memory of this process before some work and its peak during it, in
// bytes: Go's heap, and the resident memory (which includes SQLite's; 0 where it is
// unknown).
type watched struct{ heap, mostHeap, resident, mostResident uint64 }

// watch starts a measurement. The returned function ends it. If there are several measurements, the last one counts.
func (w *watched) watch() (stop func()) {
	runtime.GC()
	*w = watched{heap: heap(), resident: resident()}
	w.look()
	done, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				w.look()
				return
			case <-tick.C:
				w.look()
			}
		}
	}()
	return func() { close(done); <-looked }
}

func (w *watched) look() {
	w.mostHeap, w.mostResident = max(w.mostHeap, heap()), max(w.mostResident, resident())
}

func (w *watched) report(b *testing.B) {
	for name, bytes := range map[string]uint64{
		"heap-before-MB": w.heap, "heap-most-MB": w.mostHeap, "rss-before-MB": w.resident, "rss-most-MB": w.mostResident,
	} {
		b.ReportMetric(float64(bytes)/(1<<20), name)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident returns the second number of /proc/self/statm, in pages.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
