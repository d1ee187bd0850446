package recall

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/search"
)

var update = flag.Bool("update", false, "write the golden files again")

// held returns the hits of a conversation that is cut as it would be indexed, all with the same score.
func held(id chat.ConversationID, title string, began time.Time, texts ...string) (hits []search.Hit) {
	var turns []chat.Message
	for i, text := range texts {
		turns = append(turns, chat.Message{
			ID: chat.MessageID(fmt.Sprint(id, "/", i)), Position: i, Sender: []chat.Sender{chat.Human, chat.Assistant}[i%2],
			Text: text, CreatedAt: began.Add(time.Duration(i) * 9 * time.Hour),
		})
	}
	for _, c := range chunker.Split(title, turns) {
		said := turns[c.First]
		hits = append(hits, search.Hit{
			ConversationID: id, Title: title, MessageID: said.ID, Time: said.CreatedAt, Text: c.Text, Score: 0.5,
			Passage: c.Passage, Key: rank.Key{Conversation: id, Position: c.Position}, Platform: "notes",
		})
	}
	return hits
}

// sentences returns n different sentences of about eleven words.
func sentences(about string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Step %[2]d wants a %[1]sbrush%[2]d, a %[1]srope%[2]d and one %[1]slamp%[2]d to be at hand. ", about, i+1)
	}
	return strings.TrimSpace(b.String())
}

// TestDigestsRead compares digests with golden files, which show what a user sees. Whoever changes the text of
// digests reads the differences there.
func TestDigestsRead(t *testing.T) {
	march := time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)
	long := held("a", "Planning the garden", march, "How do we lay out the garden?", sentences("garden", 30), "And the pond?", "Put the pond where the rain gathers, behind the shed.")
	require.Greater(t, len(long), 2)
	short := held("b", "The spare key, which somebody wanted to find one evening in the rain", march.AddDate(0, 0, -3), "Where is the spare key?", "Under the blue flowerpot by the back door.")
	talk := held("c", "Days of talk", march.AddDate(0, 0, 1),
		"First we spoke of the roof. "+sentences("roof", 8), "The roof needs slate. "+sentences("slate", 8),
		"Then of the cellar. "+sentences("cellar", 8), "The cellar needs a pump. "+sentences("pump", 8))
	require.Len(t, talk, 4)
	at := func(hits []search.Hit, scores ...float64) (some []search.Hit) {
		for i, score := range scores {
			if score > 0 {
				hit := hits[i]
				hit.Score = score
				some = append(some, hit)
			}
		}
		return some
	}
	late := held("d", "The caravan", march, "Of the caravan we said: "+sentences("caravan", 4), "It stands behind the barn. "+sentences("barn", 2))[:1]
	late[0].MessageID = "d/1" // its best message is its last
	for name, c := range map[string]struct {
		hits   []search.Hit
		budget int
	}{
		"one":                         {short, 600},
		"one message cut in passages": {append(at(long, 0.9, 0.8), short...), 900},
		"found backwards":             {append(at(long, 0, 0.9), at(long, 0.8)...), 900},
		"over days":                   {append(at(talk, 0, 0.7, 0.9), short...), 900},
		"with a gap":                  {append(at(talk, 0.9, 0, 0.8), append(short, at(talk, 0, 0, 0, 0.4)...)...), 2000},
		"little room":                 {append(at(talk, 0.9), short...), 160},
		"the end matters":             {append(late, short...), 130},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".golden")
			got := extract(c.hits, c.budget, reader{}).content + "\n"
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}
