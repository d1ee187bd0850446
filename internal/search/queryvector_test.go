package search_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/breaker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/search"
)

// leg is a fixture whose embedder does what the test says, and whose trials happen when the
// test says so.
type leg struct {
	*historytest.Fixture
	mu       sync.Mutex
	do       func(ctx context.Context) error // nil: it answers
	asked    int
	planned  chan func()
	log      bytes.Buffer
	registry *prometheus.Registry
	embed.Embedder
}

func (l *leg) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	l.mu.Lock()
	l.asked++
	do := l.do
	l.mu.Unlock()
	if do != nil {
		if err := do(ctx); err != nil {
			return nil, err
		}
	}
	return l.Embedder.Embed(ctx, texts)
}

func (l *leg) script(do func(context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.do, l.asked = do, 0
}

func eachLeg(t *testing.T, test func(t *testing.T, l *leg)) {
	t.Helper()
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		l := &leg{planned: make(chan func(), 100), registry: prometheus.NewRegistry(), Embedder: embed.NewHash()}
		l.Fixture = f.With(func(o *history.Options) {
			o.Embedder, o.Metrics, o.QueryPatience = l, l.registry, 500*time.Millisecond
			o.Logger = slog.New(slog.NewTextHandler(&l.log, nil))
			o.Trials = breaker.Options{After: func(_ time.Duration, try func()) func() {
				l.planned <- try
				return func() {}
			}, Patience: 500 * time.Millisecond}
		})
		t.Cleanup(l.History.Close)
		f.Ingest(historytest.Upload("x", "Where did we park the caravan?", "Behind the barn."))
		f.Index()
		test(t, l)
	})
}

// mode returns which legs answered a query that matches in every mode.
func (l *leg) mode(mode search.Mode) search.Mode {
	l.T.Helper()
	found := l.Search(search.Query{Text: "caravan", Mode: mode})
	require.Len(l.T, found.Hits, 1)
	return found.Mode
}

func (l *leg) lostInStats() bool {
	l.T.Helper()
	stats, err := l.Access().Stats(l.T.Context())
	require.NoError(l.T, err)
	return stats.Embedding.Lost != nil
}

func (l *leg) gauge() (value float64) {
	l.T.Helper()
	families, err := l.registry.Gather()
	require.NoError(l.T, err)
	for _, f := range families {
		if f.GetName() == "lethe_search_meaning_lost" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	l.T.Fatal("there is no such metric")
	return 0
}

// In whatever way an embedder fails, one query waits for it and the next ones do not. When it
// answers again, search by meaning works again. No request is used as a trial. The log has one
// line for each change.
func TestAnEmbedderThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, do := range map[string]func(context.Context) error{
		"hangs":              hang,
		"ignores its caller": func(context.Context) error { select {} },
		"is away":            func(context.Context) error { return fault.New(fault.Unavailable, "cannot be reached") },
		"refuses the key":    func(context.Context) error { return fault.Invalidf("the key is wrong") },
		"has a bug":          func(context.Context) error { return errors.New("a surprise") },
	} {
		t.Run(name, func(t *testing.T) {
			eachLeg(t, func(t *testing.T, l *leg) {
				require.Equal(t, search.Hybrid, l.mode(""))
				require.False(t, l.lostInStats())
				l.script(do)
				require.Equal(t, search.Keyword, l.mode(""))
				for range 5 {
					require.Equal(t, search.Keyword, l.mode(""))
					require.Equal(t, search.Keyword, l.mode(search.Semantic))
				}
				require.Equal(t, 1, l.asked, "only the first query asked")
				require.True(t, l.lostInStats())
				require.InDelta(t, 1, l.gauge(), 0)

				(<-l.planned)() // a trial, while it is still away
				require.Equal(t, search.Keyword, l.mode(""))
				l.script(nil)
				require.Equal(t, search.Keyword, l.mode(""))
				require.Zero(t, l.asked, "no request is a trial")
				(<-l.planned)()
				require.Equal(t, search.Hybrid, l.mode(""))
				require.False(t, l.lostInStats())
				require.InDelta(t, 0, l.gauge(), 0)
				require.Equal(t, []int{1, 1}, []int{strings.Count(l.log.String(), "meaning is lost"), strings.Count(l.log.String(), "meaning is back")}, l.log.String())
				require.Equal(t, 2, strings.Count(l.log.String(), "\n"))
			})
		})
	}
}

// A text that makes the embedder panic ends neither the service nor the semantic leg.
func TestAQueryThatMakesAnEmbedderPanicIsAnsweredByWords(t *testing.T) {
	eachLeg(t, func(t *testing.T, l *leg) {
		l.script(func(context.Context) error { panic("caravan") })
		require.Equal(t, search.Keyword, l.mode(""))
		require.NotContains(t, l.log.String(), "caravan", "its value may be a text")
		l.script(nil)
		require.Equal(t, search.Hybrid, l.mode(""))
		require.Empty(t, l.planned)
	})
}

// A caller that disconnects does not mean that the embedder fails.
func TestACallerWhoLeavesDoesNotLoseTheLeg(t *testing.T) {
	eachLeg(t, func(t *testing.T, l *leg) {
		ctx, leave := context.WithCancel(t.Context())
		l.script(func(ctx context.Context) error { leave(); <-ctx.Done(); return ctx.Err() })
		_, err := l.Access().Search(ctx, search.Query{Text: "caravan"})
		require.Equal(t, fault.Canceled, fault.KindOf(err))
		l.script(nil)
		require.Equal(t, search.Hybrid, l.mode(""))
	})
}
