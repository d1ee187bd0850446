package history

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/fault"
)

// metrics counts the calls of models that search and recall can do without. Its labels are
// outcomes, never ids or texts.
type metrics struct {
	reranks *prometheus.CounterVec
	digests *prometheus.CounterVec

	meaningLost   prometheus.Gauge
	meaningLosses prometheus.Counter
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		reranks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_reranks_total", Help: "Searches whose results were to be reranked, by outcome: reranked, or why the first order stood.",
		}, []string{"outcome"}),
		digests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_written_digests_total", Help: "Digests that a language model was to write, by outcome: written, or why passages were quoted instead.",
		}, []string{"outcome"}),
		meaningLost: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lethe_search_meaning_lost", Help: "1 while the embedder does not answer queries, so that searches answer by words; else 0.",
		}),
		meaningLosses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lethe_search_meaning_losses_total", Help: "How often the embedder stopped answering queries.",
		}),
	}
	if registry != nil {
		registry.MustRegister(m.reranks, m.digests, m.meaningLost, m.meaningLosses)
	}
	return m
}

// outcome returns the name of an error of a model for a metric: resting when the model was not
// asked because it had failed a moment before.
func outcome(err error, resting bool) string {
	if resting {
		return "resting"
	}
	return fault.KindOf(err).String()
}
