package store_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// collect reads a conversation part by part. It fails the test if a part is larger than
// requested, splits a character, or leaves a gap.
func collect(t *testing.T, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID, most int) (texts []string) {
	t.Helper()
	at := chat.PartAt{}
	for last := false; !last; {
		var parts []chat.Part
		require.NoError(t, s.Snapshot(ctx, func(v *store.View) (err error) {
			parts, last, err = v.Parts(ws, id, at, most)
			return err
		}))
		require.True(t, last || len(parts) > 0, "it would never end")
		total := 0
		for _, p := range parts {
			total += len(p.Text)
			require.Equal(t, at, chat.PartAt{Position: p.Position, Offset: p.Offset})
			require.True(t, utf8.ValidString(p.Text), "a character is cut")
			require.Equal(t, p.Begins() || p.Ends(), p.ID != "", "who writes a message needs the rest of it with its first and its last piece")
			if p.Begins() {
				texts = append(texts, "")
			}
			texts[len(texts)-1] += p.Text
			at = p.After()
		}
		require.LessOrEqual(t, total, most)
	}
	return texts
}

func TestAConversationIsReadPartByPart(t *testing.T) {
	texts := []string{"", "short", strings.Repeat("ä€😀", 40), "x", strings.Repeat("y", 16), "", strings.Repeat("long ", 100_000), ""}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "default")
		c := transcript(t, "c", texts...)
		other := transcript(t, "other", "of another")
		createAll(t, s, ws, c, other)
		for _, most := range []int{utf8.UTFMax, 16, 17, 1000, 99_999, 10_000_000} {
			if most < 1000 { // the long text would need a hundred thousand reads
				short := transcript(t, "short "+chat.NewID(), texts[:6]...)
				createAll(t, s, ws, short)
				require.Equal(t, texts[:6], collect(t, s, ws, short.ID, most), "%d bytes at once", most)
				continue
			}
			require.Equal(t, texts, collect(t, s, ws, c.ID, most), "%d bytes at once", most)
		}
		require.Empty(t, collect(t, s, workspace(t, s, "foreign"), c.ID, 1000))

		many := make([]string, 1203)
		for i := range many {
			many[i] = strings.Repeat("m", i%7)
		}
		long := transcript(t, "many", many...)
		createAll(t, s, ws, long)
		require.Equal(t, many, collect(t, s, ws, long.ID, 1<<20))
	})
}
