package builtin

import (
	"strings"
	"testing"

	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
)

// prose is 80 words of a chat, about 100 pieces.
const prose = `We finally booked the ferry for the second weekend in June, because the first one was already full.
Anna wants to see the old lighthouse and the museum about whaling, and I would rather stay near the beach and read.
The children asked three times if the cabin has a television, which it does not. Could you remind me on Thursday
to call the owner about the keys, and to ask whether we can bring the dog, who hates boats more than anything?`

// BenchmarkText embeds texts of 80 words on one core; BenchmarkBatch on all.
func BenchmarkText(b *testing.B) {
	for _, kernel := range matrix.Kernels() {
		b.Run("kernel="+kernel.Name, func(b *testing.B) {
			benchmark(b, newEmbedder(kernel, 1), []string{prose, ""}) // two texts are a batch
		})
	}
}

func BenchmarkBatch(b *testing.B) {
	texts := strings.Split(strings.Repeat(prose+"\x00", 16), "\x00")[:16]
	for _, kernel := range matrix.Kernels() {
		b.Run("kernel="+kernel.Name, func(b *testing.B) {
			e := New()
			e.load = newEmbedder(kernel, 1).load
			benchmark(b, e, texts)
		})
	}
}

// BenchmarkQuery embeds eight words.
func BenchmarkQuery(b *testing.B) {
	for _, kernel := range matrix.Kernels() {
		b.Run("kernel="+kernel.Name, func(b *testing.B) {
			benchmark(b, newEmbedder(kernel, 1), []string{"when does the ferry to the island leave"})
		})
	}
}

func benchmark(b *testing.B, e *Embedder, texts []string) {
	b.Helper()
	read := 0
	for _, text := range texts {
		if text != "" {
			read++
		}
	}
	embed := func() {
		if _, err := e.Embed(b.Context(), texts); err != nil {
			b.Fatal(err)
		}
	}
	embed() // prepares the model
	b.ReportAllocs()
	for b.Loop() {
		embed()
	}
	b.ReportMetric(float64(read*b.N)/b.Elapsed().Seconds(), "texts/s")
}

// BenchmarkLoad prepares the model, as the first text does.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load(matrix.Kernels()[0]); err != nil {
			b.Fatal(err)
		}
	}
}
