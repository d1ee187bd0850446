package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// FTS5 would merge the full-text index for a delete, inside its transaction, which holds the
// writer for as long as that takes. The delete leaves it to the reclaim.
func TestADeleteDoesNotMergeTheFullTextIndex(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.SQLite)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	var ids []chat.ConversationID
	for i := range 60 { // each is a segment of its own; FTS5 has merged some of them already
		ids = append(ids, added(t, s, ws, fmt.Sprint(i), "text").ID)
		var x store.Indexed
		for p := range 40 {
			terms := make([]string, 30)
			for n := range terms {
				terms[n] = fmt.Sprintf("w%dx%dx%d", i, p, n)
			}
			x.Chunks = append(x.Chunks, passage(p, []float32{1, 0, 0}, terms...))
		}
		x.Model, x.Tokens = testModel, 7
		require.NoError(t, finishAs(s, claimOne(t, s), x))
	}
	segments := func() int { return db.Count(t, "SELECT count(DISTINCT segid) FROM chunks_fts_idx") }
	pages := func() int { return db.Count(t, "SELECT count(*) FROM chunks_fts_idx") }
	before, size := segments(), pages()
	require.Greater(t, before, 2)

	inTx(t, s, func(tx *store.Tx) error { // back and forth, so that the rows are in no order
		for i := range 20 {
			if _, _, err := tx.DeleteConversations(ws, []chat.ConversationID{ids[i*31%60]}, chat.DeleteOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(t, before, segments(), "nothing was merged")
	require.Equal(t, size, pages())

	_, err := s.Reclaim(ctx, store.Reclaiming{})
	require.NoError(t, err)
	require.Less(t, segments(), before)
	require.Less(t, pages(), size, "the words of deleted passages have left the index")
}
