package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// The partitioned tables of docs/partitions.sql have the keys, the indexes and the columns
// without samples that the migrations gave the tables which they replace.
func TestPartitionsKeepWhatTheMigrationsMade(t *testing.T) {
	storetest.OnPostgres(t, func(t *testing.T) {
		made := func(layout string) []string {
			t.Setenv(storetest.LayoutVariable, layout)
			return scan[string](t, storetest.New(t, storetest.Postgres).Open(t), `
				WITH tables AS (SELECT oid, relname FROM pg_class
					WHERE relname IN ('conversations', 'messages', 'chunks', 'embeddings') AND relnamespace = CAST(current_schema() AS regnamespace))
				SELECT relname || regexp_replace(pg_get_indexdef(indexrelid), '^CREATE (UNIQUE )?INDEX \w+ ON .* USING', ' \1INDEX') AS line
				FROM pg_index JOIN tables ON oid = indrelid
				UNION ALL SELECT relname || ' ' || pg_get_constraintdef(k.oid)
				FROM pg_constraint AS k JOIN tables ON tables.oid = conrelid WHERE contype IN ('p', 'u', 'f') AND conparentid = 0
				UNION ALL SELECT relname || '.' || attname || ' is not sampled'
				FROM pg_attribute JOIN tables ON oid = attrelid WHERE attnum > 0 AND NOT attisdropped AND attstattarget = 0
				ORDER BY line`)
		}
		flat := made("")
		require.Contains(t, flat, "messages.text is not sampled")
		require.Equal(t, flat, made("partitioned"))
	})
}
