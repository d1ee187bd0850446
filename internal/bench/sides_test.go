package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// sides are the sizes, in passages, of the workspaces that both databases search.
func sides() []int {
	if *large {
		return []int{20_000, 40_000}
	}
	return []int{20_000}
}

const (
	sideWords  = 12  // of a query
	sideRounds = 121 // searches on each database
)

// BenchmarkSides searches the same passages with the same queries on both databases, in turn: over HTTP with both
// legs, and each leg alone in the store. "first" is a store that has no counts of words from queries before.
func BenchmarkSides(b *testing.B) {
	for _, chunks := range sides() {
		c := newNaturalCorpus(9)
		m := newMeanings(9, dimensions)
		made := make([]conversation, chunks/chunksEach)
		c.vectors = m.vector
		for i := range made {
			made[i] = c.conversation()
		}
		lite := newSide(b, storetest.SQLite, made, m)
		server := newSide(b, storetest.Postgres, made, m)
		for _, way := range []string{"hybrid", "keyword-leg", "keyword-leg-first", "semantic-leg"} {
			b.Run(fmt.Sprintf("chunks=%d/%s", chunks, way), func(b *testing.B) {
				var query string
				t := duel{
					prepare: func(int) { query = c.query(sideWords) },
					ours:    func(int) { server.ways[way](query) },
					plain:   func(int) { lite.ways[way](query) },
				}.measure(sideRounds)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(ms(median(t.ours)), "postgres-ms")
				b.ReportMetric(ms(quantile(t.ours, 0.95)), "postgres-p95-ms")
				b.ReportMetric(ms(median(t.plain)), "sqlite-ms")
				b.ReportMetric(ms(quantile(t.plain, 0.95)), "sqlite-p95-ms")
				b.ReportMetric(float64(median(t.ours))/float64(median(t.plain)), "postgres/sqlite")
				onServer, onFile := server.processors(c, way), lite.processors(c, way)
				b.ReportMetric(ms(onServer), "postgres-cpu-ms")
				b.ReportMetric(ms(onFile), "sqlite-cpu-ms")
				b.ReportMetric(float64(onServer)/float64(onFile), "postgres/sqlite-cpu")
			})
		}
	}
}

// side is one of the two databases.
type side struct {
	ways map[string]func(query string)
	used func() time.Duration // of processors, by this process and the connections to the database
}

// processors returns the mean processor time of a search, on the client, in the service and in the database. Other
// load on the machine affects it much less than the duration. It is 0 where the system has no /proc.
func (s side) processors(c *corpus, way string) time.Duration {
	before := s.used()
	for range sideRounds {
		s.ways[way](c.query(sideWords))
	}
	return (s.used() - before) / sideRounds
}

// usedBy returns the processor time of processes, with that of their threads.
func usedBy(processes ...string) (sum time.Duration) {
	const ticks = 10 * time.Millisecond // USER_HZ is 100
	for _, process := range processes {
		stat, err := os.ReadFile(filepath.Join("/proc", process, "stat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, field := range fields[11:13] { // utime and stime
			n, _ := strconv.Atoi(field)
			sum += time.Duration(n) * ticks
		}
	}
	return sum
}

// connections returns a function that returns the processes of the server that serve a database.
func connections(b *testing.B, db storetest.Database) func() []string {
	conn := db.PlainPostgres(b)
	return func() (processes []string) {
		rows, err := conn.Query(b.Context(), "SELECT CAST(pid AS text) FROM pg_stat_activity WHERE datname = current_database()")
		require.NoError(b, err)
		for rows.Next() {
			var process string
			require.NoError(b, rows.Scan(&process))
			processes = append(processes, process)
		}
		require.NoError(b, rows.Err())
		return processes
	}
}

func newSide(b *testing.B, kind string, made []conversation, m *meanings) side {
	b.Helper()
	source := filledWith(b, kind, made)
	embedder := clustered{m}
	running := start(b, source, embedder)
	s := running.store
	if space := (store.VectorSpace{Workspace: 1, Model: benchModel.ID, Dimensions: dimensions}); kind == storetest.Postgres && len(made)*chunksEach > s.ExactLimit() {
		began := time.Now()
		require.NoError(b, s.BuildVectorIndex(b.Context(), space))
		b.Logf("%s: the vector index took %v", kind, time.Since(began).Round(time.Second))
	}
	client := running.client(b, "bench")
	mode := api.SearchMode("hybrid")
	leg := func(searched func() *store.Store) func(string) {
		return func(query string) {
			found, err := searched().View(b.Context()).SearchKeyword(1, store.Words{Terms: strings.Fields(query)}, chat.Filter{})
			require.NoError(b, err)
			require.NotEmpty(b, found.Passages)
		}
	}
	used := func() time.Duration { return usedBy("self") }
	if kind == storetest.Postgres {
		processes := connections(b, source)
		used = func() time.Duration { return usedBy(append(processes(), "self")...) }
	}
	return side{used: used, ways: map[string]func(string){
		"hybrid": func(query string) {
			answer, err := client.Search(b.Context(), api.SearchRequest{Query: query, Mode: &mode})
			require.NoError(b, err)
			require.Equal(b, mode, answer.Mode)
			require.NotEmpty(b, answer.Results)
		},
		"keyword-leg":       leg(func() *store.Store { return s }),
		"keyword-leg-first": leg(forgetful(b, source)),
		"semantic-leg": func(query string) {
			found, err := s.View(b.Context()).SearchSemantic(1, benchModel, embedder.of(query), chat.Filter{})
			require.NoError(b, err)
			require.Len(b, found, legSize)
		},
	}}
}

// clustered is an embedder that costs almost nothing: the vector of a text is one of a cluster of meanings, and the
// same each time.
type clustered struct{ m *meanings }

func (clustered) Model() embed.Model { return benchModel }

func (c clustered) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = c.of(text)
	}
	return vectors, nil
}

func (c clustered) of(text string) []float32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash takes everything
	own := *c.m
	own.rng = rand.New(rand.NewPCG(h.Sum64(), 0))
	return own.vector()
}

// forgetful returns a function that returns a store that knows no counts of words: its clock is an hour later each
// time.
func forgetful(b *testing.B, db storetest.Database) func() *store.Store {
	var later atomic.Int64
	o := db.Options()
	o.Trace, o.Now = nil, func() time.Time { return time.Now().Add(time.Duration(later.Load()) * time.Hour) }
	s, err := store.Open(b.Context(), o)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return func() *store.Store {
		later.Add(1)
		return s
	}
}
