package upkeep

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/store"
)

// metrics shows the state that this program saw when it last led the upkeep.
type metrics struct {
	indexes *prometheus.GaugeVec
	builds  prometheus.Histogram
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		indexes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lethe_vector_indexes", Help: "Vector indexes of large workspaces, by state, as the leader last saw them.",
		}, []string{"state"}),
		builds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lethe_vector_index_build_seconds", Help: "How long the building of a vector index took.",
			Buckets: prometheus.ExponentialBuckets(1, 3, 9),
		}),
	}
	if registry != nil {
		registry.MustRegister(m.indexes, m.builds)
	}
	return m
}

func (m *metrics) saw(indexes []store.VectorIndex) {
	counts := map[string]float64{"ready": 0, "building": 0, "broken": 0}
	for _, x := range indexes {
		switch {
		case x.Building:
			counts["building"]++
		case x.Valid:
			counts["ready"]++
		default:
			counts["broken"]++
		}
	}
	for state, n := range counts {
		m.indexes.WithLabelValues(state).Set(n)
	}
}

func (m *metrics) built(took time.Duration) { m.builds.Observe(took.Seconds()) }
