package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A delete of as many conversations as allowed, with a quarter of a gigabyte of text.
// SQLite's memory limit is lower by default, and running out of it would stop every
// writer.
func TestDeleteOfMuchAtOnce(t *testing.T) {
	const conversations, messageSize = 10_000, 25_000
	fill := map[string]string{
		storetest.SQLite: `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d - 1)
			INSERT INTO %[2]s SELECT %[3]s FROM n`,
		storetest.Postgres: `INSERT INTO %[2]s SELECT %[3]s FROM generate_series(0, %[1]d - 1) AS n (i)`,
	}
	id := map[string]string{
		storetest.SQLite:   `printf('00000000-0000-7000-8000-%012d', i)`,
		storetest.Postgres: `CAST('00000000-0000-7000-8000-' || lpad(CAST(i AS text), 12, '0') AS uuid)`,
	}
	long := map[string]string{
		storetest.SQLite:   fmt.Sprintf(`printf('%%.%dc', 'x')`, messageSize),
		storetest.Postgres: fmt.Sprintf(`repeat('x', %d)`, messageSize),
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		kept := create(t, s, ws, upload("kept", "hello"))
		insert := func(into, values string) { db.Break(t, fmt.Sprintf(fill[db.Kind], conversations, into, values)) }
		insert(`conversations (workspace_id, id, platform, external_id, title, title_folded, created_at, updated_at, import_id, message_count, index_state)`,
			fmt.Sprintf(`%d, %s, 'custom', CAST(i AS text), 't', 't', 0, 0, %[2]s, 1, 'ready'`, ws, id[db.Kind]))
		insert(`messages (workspace_id, conversation_id, position, id, external_id, sender, text, created_at)`,
			fmt.Sprintf(`%d, %s, 0, %[2]s, '', 'human', %s, 0`, ws, id[db.Kind], long[db.Kind]))
		var ids []chat.ConversationID
		for i := range conversations {
			ids = append(ids, chat.ConversationID(fmt.Sprintf("00000000-0000-7000-8000-%012d", i)))
		}
		require.NoError(t, s.InTx(ctx, func(tx *store.Tx) error {
			gone, _, err := tx.DeleteConversations(ws, ids, chat.DeleteOptions{})
			require.ElementsMatch(t, ids, gone)
			return err
		}))
		n, err := s.View(ctx).Count(ws)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Empty(t, db.Orphans(t))
		require.NoError(t, s.InTx(ctx, func(tx *store.Tx) error { // and the store still writes
			gone, _, err := tx.DeleteConversations(ws, []chat.ConversationID{kept.ID}, chat.DeleteOptions{})
			require.Len(t, gone, 1)
			return err
		}))
	})
}

// SQLite deletes a very large conversation in several statements. Here it is among small
// ones: all of it is deleted and counted in the receipt.
func TestDeleteOfALargeConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		long := strings.Repeat("TG9yZW0gaXBzdW0g", 1<<16)
		texts := slices.Repeat([]string{long}, 18)
		texts = append(texts, strings.Repeat(long, 17), "", "an end")
		large := added(t, s, ws, "large", texts...)
		small, kept := added(t, s, ws, "small", "one", "two"), added(t, s, ws, "kept", "three")
		indexAll(t, s, []string{"alpha"}, []string{"beta"})
		elsewhere := rowsOf(t, s, kept.ID)
		var receipt chat.Deletion
		require.NoError(t, s.InTx(ctx, func(tx *store.Tx) (err error) {
			_, receipt, err = tx.DeleteConversations(ws, []chat.ConversationID{large.ID, small.ID}, chat.DeleteOptions{})
			return err
		}))
		require.Equal(t, []int{2, 23, 4, 4}, []int{receipt.Conversations, receipt.Messages, receipt.Chunks, receipt.Embeddings})
		require.Zero(t, rowsOf(t, s, large.ID, small.ID))
		require.Equal(t, elsewhere, rowsOf(t, s, kept.ID))
		requireSound(t, db)
	})
}
