package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A stretch has the requested messages, and the beginnings of long texts.
func TestAStretchOfAConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		texts := []string{"zero", strings.Repeat("é", 40), "two", "", strings.Repeat("x", 31), strings.Repeat("y", 33), "six"}
		for i := range 1000 {
			texts = append(texts, fmt.Sprint("more ", i))
		}
		id := added(t, s, ws, "x", texts...).ID
		for _, c := range []struct{ from, n int }{{0, 3}, {1, 1}, {0, len(texts) + 10}, {5, 700}, {len(texts) - 1, 5}, {len(texts), 5}, {len(texts) + 5, 5}} {
			got, sizes, err := s.View(ctx).Stretch(ws, id, c.from, c.n, 32)
			require.NoError(t, err)
			want := texts[min(c.from, len(texts)):min(c.from+c.n, len(texts))]
			require.Len(t, got, len(want), "%+v", c)
			for i, m := range got {
				require.Equal(t, c.from+i, m.Position)
				require.Equal(t, len(want[i]), sizes[i])
				require.Equal(t, strings.ToValidUTF8(want[i][:min(len(want[i]), 32)], ""), m.Text)
			}
		}
	})
}
