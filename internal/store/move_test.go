package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A conversation of many megabytes is merged without reading its texts. A message that stays keeps its text and id at
// any position.
func TestALongConversationIsMergedWithoutItsTexts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "default")
		text := func(n int) string { return strings.Repeat(fmt.Sprintf("turn %d of many. ", n), 20_000) }
		sent := func(numbers ...int) chat.Upload {
			u := chat.Upload{ExternalID: "x", CreatedAt: start, UpdatedAt: start}
			for _, n := range numbers {
				u.Messages = append(u.Messages, chat.UploadMessage{ExternalID: fmt.Sprint(n), Role: "human", Text: text(n), CreatedAt: start})
			}
			return u
		}
		first := chat.NewTranscript(valid(t, sent(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)))
		first.ImportID = chat.NewID()
		first.LastImportID = first.ImportID
		createAll(t, s, ws, first)
		ids := map[string]chat.MessageID{}
		for _, m := range first.Turns {
			ids[m.ExternalID] = m.ID
		}
		edited := sent(30, 0, 1, 31, 2)
		edited.Messages[2].Text = "edited"
		inTx(t, s, func(tx *store.Tx) error {
			stored, abridged, err := tx.LockByExternalID(ws, "custom", "x")
			if err != nil {
				return err
			}
			require.True(t, abridged)
			_, err = tx.UpdateConversation(ws, stored.Conversation, chat.MergeAbridged(stored, valid(t, edited)), first.ImportID)
			return err
		})
		var got []string
		for i, m := range turns(t, s, ws, first.ID) {
			require.Equal(t, i, m.Position)
			got = append(got, m.ExternalID)
			if id, stored := ids[m.ExternalID]; stored {
				require.Equal(t, id, m.ID)
			}
			switch {
			case m.ExternalID == "1":
				require.Equal(t, "edited", m.Text)
			default:
				var n int
				_, err := fmt.Sscan(m.ExternalID, &n)
				require.NoError(t, err)
				require.True(t, m.Text == text(n), "the text of %d", n)
			}
		}
		require.Equal(t, strings.Fields("30 0 1 31 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"), got)
	})
}
