package indexer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what workers did. Its labels are outcomes, never ids.
type metrics struct {
	settled *prometheus.CounterVec
	seconds prometheus.Histogram
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_indexer_conversations_total", Help: "Conversations that an indexing worker has settled, by outcome.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lethe_indexer_seconds", Help: "How long a worker was busy with one conversation.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}),
	}
	if registry != nil {
		registry.MustRegister(m.settled, m.seconds)
	}
	return m
}

func (m *metrics) observe(outcome string, took time.Duration) {
	m.settled.WithLabelValues(outcome).Inc()
	m.seconds.Observe(took.Seconds())
}
