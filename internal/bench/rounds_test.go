package bench_test

import (
	"flag"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// large adds the measurements that take minutes.
var large = flag.Bool("large", false, "measure also what takes minutes")

// database is the kind of database that is measured. The two are never compared with each
// other.
var database = flag.String("db", storetest.SQLite, "the database to measure: sqlite or postgres")

// duel is two ways of doing the same work. Each round runs both, in alternating order, so
// that other load on the machine affects both.
type duel struct {
	ours, plain func(round int)
	prepare     func(round int) // before each round, not measured; may be nil
}

// warmUp is the number of rounds that are not counted, if there are enough.
const warmUp = 1

// run runs n rounds and reports the medians and the median of the rounds' ratios. With
// more than two rounds the first is discarded, because it prepares statements and fills
// caches.
func (d duel) run(b *testing.B, rounds int) times {
	b.Helper()
	t := d.measure(rounds)
	t.report(b)
	return t
}

// measure is run without the report.
func (d duel) measure(rounds int) times {
	var t times
	for i := range rounds {
		if d.prepare != nil {
			d.prepare(i)
		}
		var ours, plain time.Duration
		if i%2 == 0 {
			ours, plain = timed(d.ours, i), timed(d.plain, i)
		} else {
			plain, ours = timed(d.plain, i), timed(d.ours, i)
		}
		if i >= warmUp || rounds <= 2 {
			t.ours, t.plain = append(t.ours, ours), append(t.plain, plain)
		}
	}
	return t
}

func timed(work func(int), round int) time.Duration {
	started := time.Now()
	work(round)
	return time.Since(started)
}

// times are the times of the rounds.
type times struct{ ours, plain []time.Duration }

func (t times) report(b *testing.B) {
	b.ReportMetric(0, "ns/op") // of all the rounds together: means nothing
	b.ReportMetric(ms(median(t.ours)), "ours-ms")
	b.ReportMetric(ms(median(t.plain)), "plain-ms")
	b.ReportMetric(t.ratio(), "x-plain")
}

// ratio returns the median of the rounds' ratios, because the two times of a round have
// the same noise.
func (t times) ratio() float64 {
	ratios := make([]float64, len(t.ours))
	for i := range ratios {
		ratios[i] = float64(t.ours[i]) / float64(t.plain[i])
	}
	return quantile(ratios, 0.5)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(d []time.Duration) time.Duration { return quantile(d, 0.5) }

func quantile[T time.Duration | float64](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low, high := sorted[int(math.Floor(at))], sorted[int(math.Ceil(at))]
	return low + T(float64(high-low)*(at-math.Floor(at)))
}
