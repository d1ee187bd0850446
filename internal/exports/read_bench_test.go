package exports

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// madeShards generates an export of ChatGPT with 100 conversations per shard and 20 messages in each.
func madeShards(b *testing.B, shards int) (made []string) {
	random := rand.New(rand.NewPCG(5, 6))
	words := strings.Fields(`the a service chat export keeps every message that somebody wrote in it, and "quotes" \ with
		line breaks, numbers 12 and 34.5, names like Zoë or 東京 which are escaped, code(x) { return y }`)
	for shard := range shards {
		var s strings.Builder
		for c := range 100 {
			fmt.Fprintf(&s, `%s{"title": "A chat", "create_time": %d.25, "update_time": %d.5, "mapping": {`, []string{"", ", "}[min(c, 1)], 1_700_000_000, 1_700_000_000+c)
			fmt.Fprint(&s, `"root": {"id": "root", "message": null, "parent": null, "children": ["m0"]}`)
			parent := "root"
			for m := range 20 {
				var said strings.Builder
				for range 20 + random.IntN(120) {
					said.WriteString(words[random.IntN(len(words))] + " ")
				}
				text, err := jsontext.AppendQuote(nil, said.String())
				require.NoError(b, err)
				id := fmt.Sprintf("m%d-%d-%d", shard, c, m)
				fmt.Fprintf(&s, `, "%s": {"id": "%s", "parent": "%s", "children": [], "message": {"id": "%s", "author": {"role": "%s", "name": null, "metadata": {}}, "create_time": %d.125, "update_time": null, "content": {"content_type": "text", "parts": [%s]}, "status": "finished_successfully", "end_turn": true, "weight": 1.0, "metadata": {"model_slug": "x"}, "recipient": "all", "channel": null}}`,
					id, id, parent, id, []string{"user", "assistant"}[m%2], 1_700_000_000+m, text)
				parent = id
			}
			fmt.Fprintf(&s, `}, "moderation_results": [], "current_node": "%s", "conversation_id": "c%d-%d", "safe_urls": []}`, parent, shard, c)
		}
		made = append(made, s.String())
	}
	return made
}

// BenchmarkRead reads a generated export of ChatGPT as one file and as shards in an archive. It also measures how
// long it takes only to find the ends of the elements.
func BenchmarkRead(b *testing.B) {
	shards := madeShards(b, 10)
	joined := []byte("[" + strings.Join(shards, ",") + "]")
	files := make([]file, len(shards))
	for i, s := range shards {
		files[i] = file{fmt.Sprintf("conversations-%03d.json", i), "[" + s + "]"}
	}
	packed := zipped(b, files...)
	for name, data := range map[string][]byte{"one file": joined, "shards in an archive": packed} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(joined)))
			b.ReportAllocs()
			for b.Loop() {
				source := container.OpenFile(container.Options{}, "export", bytes.NewReader(data), int64(len(data)))
				report, err := Read(context.Background(), source, Options{}, func(format.Conversation) error { return nil })
				require.NoError(b, err)
				require.Equal(b, 100*len(shards), report.Conversations())
			}
		})
	}
	b.Run("values alone", func(b *testing.B) {
		b.SetBytes(int64(len(joined)))
		for b.Loop() {
			d := jsontext.NewDecoder(bytes.NewReader(joined))
			_, err := d.ReadToken()
			require.NoError(b, err)
			for d.PeekKind() != ']' {
				_, err := d.ReadValue()
				require.NoError(b, err)
			}
		}
	})
}
