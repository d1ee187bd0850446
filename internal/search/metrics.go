package search

import "github.com/prometheus/client_golang/prometheus"

// metrics counts the calls of models that a search can do without. Its labels are outcomes,
// never ids or texts.
type metrics struct {
	reranks        *prometheus.CounterVec
	embedderLost   prometheus.Gauge
	embedderLosses prometheus.Counter
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		reranks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_reranks_total", Help: "Searches whose results were to be reranked, by outcome: reranked, or why the first order was kept.",
		}, []string{"outcome"}),
		embedderLost: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lethe_search_meaning_lost", Help: "1 while the embedder does not answer queries, so that searches are answered by words alone; else 0.",
		}),
		embedderLosses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lethe_search_meaning_losses_total", Help: "How often the embedder stopped answering queries.",
		}),
	}
	if registry != nil {
		registry.MustRegister(m.reranks, m.embedderLost, m.embedderLosses)
	}
	return m
}
