package bench_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// The size of the messages that BenchmarkOdd indexes, and the number of runs, of which
// the fastest counts.
const (
	oddBytes = 1 << 20
	oddRuns  = 3
)

const oddProse = "The old house at the corner of the street was sold last summer to a young couple from Lisbon, who painted it blue. " +
	"They did not know that its cellar, as everybody else in the village could have told them, floods each November. "

// oddUnits are the texts that the messages repeat. Some of them took more than ten times
// as long as prose.
var oddUnits = map[string]string{
	"broken": "\xff", "half-pairs": "\xed\xa0\x80", "capitals": "ABCDE ", "colons": "::", "paths": "std::vec ", "dashes": "- - ", "line": "-",
	"quotes": "\"", "control": "\x01a", "apostrophes": "a'b ", "blanks": strings.Repeat(" ", 1000) + "word ", "line-breaks": strings.Repeat("\n", 1000) + "word ", "base64": "dGhpcyBpcyBhIHRlc3Qgb2YgYmFzZTY0",
	"thai": "สวัสดีชาวโลกวันนี้อากาศดีมาก", "han": "我喜欢喝茶每天都喝", "hangul": "안녕하세요세계", "marks": "e\u0301\u0301",
	"words-with-marks": "e\u0301e\u0301 ", "only-marks": "\u0301", "phrases": "\uFDFA ", "run-of-phrases": "\uFDFA", "emoji": "👩‍👩‍👧",
	"vietnamese": "Tiếng Việt rất hay và đẹp ", "russian": "Съешь ещё этих мягких ", "arabic": "السلام عليكم ",
}

// BenchmarkOdd indexes one message of each unusual kind and one of prose of the same
// length, with an embedder that costs nothing, and reports the ratio of the times.
func BenchmarkOdd(b *testing.B) {
	texts := map[string]string{"noise": noise()}
	for name, unit := range oddUnits {
		texts[name] = strings.Repeat(unit, oddBytes/len(unit))
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		b.Run(name, func(b *testing.B) {
			prose, odd := time.Hour, time.Hour
			for range oddRuns { // in turns: the machine may be slower for a while
				prose = min(prose, indexOne(b, strings.Repeat(oddProse, oddBytes/len(oddProse))))
				odd = min(odd, indexOne(b, texts[name]))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(odd.Milliseconds()), "ms")
			b.ReportMetric(odd.Seconds()/prose.Seconds(), "odd/prose")
		})
	}
}

// noise returns random bytes that are not ASCII.
func noise() string {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	bytes := make([]byte, oddBytes)
	for i := range bytes {
		bytes[i] = byte(128 + random.IntN(128))
	}
	return string(bytes)
}

// indexOne returns how long the indexing of a conversation with one message takes.
func indexOne(b *testing.B, text string) time.Duration {
	b.Helper()
	s := open(b, storetest.New(b, *database))
	require.NoError(b, s.InTx(b.Context(), func(tx *store.Tx) error {
		_, err := tx.EnsureWorkspace("bench")
		return err
	}))
	now := time.Now()
	u := chat.Upload{ExternalID: "odd", Title: "odd", CreatedAt: now, UpdatedAt: now, Messages: []chat.UploadMessage{{Role: "human", Text: text}}}
	_, err := history.New(history.Options{Store: s, Embedder: directions{}}).AsOperator(1).IngestAll(b.Context(), []chat.Upload{u}, history.Delivery{})
	require.NoError(b, err)
	stats := until(b, s, directions{}, 1, func(sum chat.Stats) bool { return sum.Backlog.Queued+sum.Backlog.Indexing > 0 })
	require.Zero(b, stats.Backlog.Failed)
	return stats.took
}
