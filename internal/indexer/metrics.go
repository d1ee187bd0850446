package indexer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts the work of the workers. Its labels are outcomes, never ids.
type metrics struct {
	settled *prometheus.CounterVec
	seconds prometheus.Histogram
	pending prometheus.Gauge
	givenUp prometheus.Gauge
	away    prometheus.Gauge
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
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lethe_embedding_pending_conversations",
			Help: "Conversations of all workspaces that wait to be re-indexed, because the model, the analyzer or the chunker has changed.",
		}),
		givenUp: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lethe_embedding_failed_conversations",
			Help: "Conversations of all workspaces that could not be re-indexed and are retried when the model or a setting changes.",
		}),
		away: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lethe_indexer_embedder_lost", Help: "1 while the embedder does not answer, so that only words are indexed; else 0.",
		}),
	}
	if registry != nil {
		registry.MustRegister(m.settled, m.seconds, m.pending, m.givenUp, m.away)
	}
	return m
}

func (m *metrics) observe(outcome string, took time.Duration) {
	m.settled.WithLabelValues(outcome).Inc()
	m.seconds.Observe(took.Seconds())
}

// left sets the numbers of conversations that wait for re-indexing or were given up.
func (m *metrics) left(pending, givenUp int) {
	m.pending.Set(float64(pending))
	m.givenUp.Set(float64(givenUp))
}

// embedderLost sets whether the embedder does not answer.
func (m *metrics) embedderLost(lost bool) {
	value := 0.0
	if lost {
		value = 1
	}
	m.away.Set(value)
}
