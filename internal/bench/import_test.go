//go:build unix

package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/internal/transfer"
	"github.com/lethe-chat/lethe/pkg/api"
)

// BenchmarkSearchable stores conversations and indexes them with an embedder that costs nothing, until search finds all
// of them, and inserts the same number of rows with their full-text index into another database, 100 conversations in
// a transaction. On PostgreSQL the plain rows get their index after the last row, which is fastest. of-plain is how
// many times as fast the service is.
func BenchmarkSearchable(b *testing.B) {
	const conversations, rounds = 200, 5
	var ratios []float64
	for round := range rounds {
		made := newCorpus(uint64(round))
		list := make([]conversation, conversations)
		uploads := make([]chat.Upload, conversations)
		copies := make([]rows, conversations)
		for i := range list {
			list[i] = made.conversation()
			uploads[i], copies[i] = upload(list[i]), rowsOf(1, list[i])
		}
		ours := func() time.Duration { return searchable(b, uploads) }
		plain := func() time.Duration { return inserted(b, copies) }
		var took, beside time.Duration
		if round%2 == 0 {
			took, beside = ours(), plain()
		} else {
			beside, took = plain(), ours()
		}
		ratios = append(ratios, float64(beside)/float64(took))
		b.Logf("round %d: %v, plain %v", round, took, beside)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(ratios, 0.5), "of-plain")
}

// emptyWorkspace returns a new database with the workspace 1.
func emptyWorkspace(b *testing.B) storetest.Database {
	b.Helper()
	db := storetest.New(b, *database)
	s, err := store.Open(b.Context(), db.Options())
	require.NoError(b, err)
	require.NoError(b, s.InTx(b.Context(), func(tx *store.Tx) error {
		_, err := tx.EnsureWorkspace("bench")
		return err
	}))
	require.NoError(b, s.Close())
	return db
}

// searchable returns the time until all conversations are stored and indexed.
func searchable(b *testing.B, uploads []chat.Upload) time.Duration {
	b.Helper()
	s := open(b, emptyWorkspace(b))
	h := history.New(history.Options{Store: s, Embedder: directions{}})
	began := time.Now()
	for len(uploads) > 0 {
		n := min(batch, len(uploads))
		_, err := h.AsOperator(1).IngestAll(b.Context(), uploads[:n], history.Delivery{})
		require.NoError(b, err)
		uploads = uploads[n:]
	}
	stats := until(b, s, directions{}, 2, func(sum chat.Stats) bool { return sum.Backlog.Queued+sum.Backlog.Indexing > 0 })
	took := time.Since(began)
	require.Zero(b, stats.Backlog.Failed)
	return took
}

// inserted returns the time for the same with plain SQL.
func inserted(b *testing.B, copies []rows) time.Duration {
	b.Helper()
	db := emptyWorkspace(b)
	into := sinkFor(b, db)
	if plain, ok := into.(*inserter); ok {
		plain.exec("PRAGMA synchronous = FULL") // as the service
	}
	began := time.Now()
	for _, r := range copies {
		into.add(r)
	}
	switch plain := into.(type) {
	case *inserter:
		if len(plain.pending) > 0 {
			plain.flush()
		}
	case *copier:
		plain.flush()
		plain.exec("CREATE INDEX chunks_terms ON chunks USING gin (terms)")
	}
	return time.Since(began)
}

// BenchmarkImport imports an export of ChatGPT through the service, as `lethe import` does: first into an empty
// workspace, then again unchanged. Each is compared with reading and decoding the file alone, by wall time and by the
// processor time of the client and the service together. of-reading is how many times as fast as reading alone it is.
func BenchmarkImport(b *testing.B) {
	const conversations = 3000
	made := newCorpus(7)
	file := exportOfChatGPT(made, conversations)
	for _, way := range []string{"first", "unchanged"} {
		b.Run(way, func(b *testing.B) {
			s := start(b, emptyWorkspace(b), directions{})
			c := s.client(b, "bench")
			work := func() api.ImportCounts {
				result, err := transfer.Run(b.Context(), sourceOf(file), exports.Options{}, transfer.ToService(c, api.ImportBegin{}), nil)
				require.NoError(b, err)
				return api.ImportCounts{New: result.Counts.New, Unchanged: result.Counts.Unchanged}
			}
			want, rounds := api.ImportCounts{New: conversations}, 1
			if way == "unchanged" {
				require.Equal(b, want, work())
				want, rounds = api.ImportCounts{Unchanged: conversations}, 5
			}
			var ours, alone spent
			for range rounds {
				ours = ours.least(measure(func() { require.Equal(b, want, work()) }))
				alone = alone.least(measure(func() { readAlone(b, file) }))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(len(file))/1e6, "MB")
			b.ReportMetric(ms(ours.wall), "ours-ms")
			b.ReportMetric(ms(alone.wall), "reading-ms")
			b.ReportMetric(ms(ours.processor), "ours-cpu-ms")
			b.ReportMetric(ms(alone.processor), "reading-cpu-ms")
			b.ReportMetric(float64(alone.wall)/float64(ours.wall), "of-reading")
			b.ReportMetric(float64(alone.processor)/float64(ours.processor), "cpu-of-reading")
		})
	}
}

func sourceOf(file []byte) []*container.Source {
	return []*container.Source{container.OpenFile(container.Options{}, "conversations.json", bytes.NewReader(file), int64(len(file)))}
}

// readAlone reads and decodes the file and stores nothing.
func readAlone(b *testing.B, file []byte) {
	b.Helper()
	_, err := exports.Read(context.Background(), sourceOf(file)[0], exports.Options{}, func(format.Conversation) error { return nil })
	require.NoError(b, err)
}

// spent is the wall time and the processor time of a piece of work.
type spent struct{ wall, processor time.Duration }

// least returns the smaller of both; zero is no measurement.
func (s spent) least(o spent) spent {
	if s.wall == 0 {
		return o
	}
	return spent{min(s.wall, o.wall), min(s.processor, o.processor)}
}

func measure(work func()) spent {
	began, used := time.Now(), processorTime()
	work()
	return spent{time.Since(began), processorTime() - used}
}

// processorTime is the processor time that this process has used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return math.MaxInt64 // which no result survives
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// exportOfChatGPT returns an export file with conversations of 20 short messages.
func exportOfChatGPT(made *corpus, conversations int) []byte {
	var file strings.Builder
	file.WriteString("[")
	for c := range conversations {
		if c > 0 {
			file.WriteString(",")
		}
		fmt.Fprintf(&file, `{"title":"A chat","create_time":1700000000.25,"update_time":%d.5,"mapping":{"root":{"id":"root","message":null,"parent":null,"children":[]}`, 1_700_000_000+c)
		parent := "root"
		for m := range messagesEach {
			id := fmt.Sprintf("m%d-%d", c, m)
			fmt.Fprintf(&file, `,%q:{"id":%[1]q,"parent":%[2]q,"children":[],"message":{"id":%[1]q,"author":{"role":%[3]q,"name":null,"metadata":{}},"create_time":%[4]d.125,`+
				`"update_time":null,"content":{"content_type":"text","parts":[%[5]q]},"status":"finished_successfully","end_turn":true,"weight":1.0,"metadata":{"model_slug":"x"},`+
				`"recipient":"all","channel":null}}`, id, parent, []string{"user", "assistant"}[m%2], 1_700_000_000+m, made.text(60))
			parent = id
		}
		fmt.Fprintf(&file, `},"moderation_results":[],"current_node":%q,"conversation_id":"c%d","safe_urls":[]}`, parent, c)
	}
	file.WriteString("]")
	return []byte(file.String())
}
