package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A delete of as many conversations as one may ask for, with a quarter of a
// gigabyte in them: more than SQLite may hold in memory unless it is told
// otherwise, and running out of it there would stop every writer for good.
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
		var ids []string
		for i := range conversations {
			ids = append(ids, fmt.Sprintf("00000000-0000-7000-8000-%012d", i))
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
			gone, _, err := tx.DeleteConversations(ws, []string{kept.ID}, chat.DeleteOptions{})
			require.Len(t, gone, 1)
			return err
		}))
	})
}
