package chat_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
)

// long are conversations of the maximum length, in shapes for which a comparison of
// every message with every other would be expensive.
var long = []struct {
	name         string
	stored, sent func(i int) string
	added        int // -1: not checked
}{
	{"all different", func(i int) string { return fmt.Sprint(i) }, func(i int) string { return fmt.Sprint(i) }, 0},
	{"the first changed", func(i int) string { return fmt.Sprint(i) }, func(i int) string { return map[bool]string{true: "new", false: fmt.Sprint(i)}[i == 0] }, 0},
	{"every second changed", func(i int) string { return fmt.Sprint(i) }, func(i int) string { return fmt.Sprint(i * (1 - i%2*2)) }, 0},
	{"nothing in common", func(i int) string { return fmt.Sprint(i) }, func(i int) string { return fmt.Sprint("x", i) }, chat.MaxUploadMessages},
	{"all the same", func(int) string { return "x" }, func(int) string { return "x" }, 0},
	{"all the same, one edited", func(int) string { return "x" }, func(i int) string { return map[bool]string{true: "y", false: "x"}[i == 7] }, 0},
	{"few texts in another order", func(i int) string { return fmt.Sprint(i * i % 97) }, func(i int) string { return fmt.Sprint(i * i * i % 89) }, -1},
	{"backwards", func(i int) string { return fmt.Sprint(i) }, func(i int) string { return fmt.Sprint((chat.MaxUploadMessages - i) % chat.MaxUploadMessages) }, 0},
	{"runs of one text", func(i int) string { return fmt.Sprint(i / 600) }, func(i int) string { return fmt.Sprint(i / 500) }, -1},
}

func longChat(t testing.TB, text func(i int) string) chat.ValidUpload {
	u := chat.Upload{ExternalID: "x", Title: "T", Messages: make([]chat.UploadMessage, chat.MaxUploadMessages)}
	for i := range u.Messages {
		u.Messages[i] = chat.UploadMessage{Role: []string{"human", "assistant"}[i%2], Text: text(i)}
	}
	return valid(t, u, noon)
}

// Conversations of the maximum length merge: no stored message is lost, and memory grows
// linearly with the messages (`go test -bench Merge` measures the time).
func TestTheLongestConversationsMerge(t *testing.T) {
	for _, c := range long {
		stored := chat.NewTranscript(longChat(t, c.stored))
		u := longChat(t, c.sent)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m := chat.Merge(stored, u)
		runtime.ReadMemStats(&after)
		require.Len(t, m.Messages, len(stored.Turns)+m.Added, c.name)
		if c.added >= 0 {
			require.Equal(t, c.added, m.Added, c.name)
		}
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(200<<20), c.name)
	}
}

func BenchmarkMergeLongest(b *testing.B) {
	for _, c := range long {
		stored := chat.NewTranscript(longChat(b, c.stored))
		u := longChat(b, c.sent)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				chat.Merge(stored, u)
			}
		})
	}
}
