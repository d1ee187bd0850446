package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Each statement was refused by Citus, or did something else than on plain PostgreSQL. The
// statement that replaced it passes.
func TestTheCheckKnowsWhatCitusRefuses(t *testing.T) {
	for name, c := range map[string]struct{ refused, works string }{
		"a claim": {
			"WITH due AS (SELECT workspace_id, id FROM conversations WHERE run_after <= ? ORDER BY run_after LIMIT ? FOR UPDATE SKIP LOCKED) UPDATE conversations AS c SET holder = ? FROM due WHERE c.workspace_id = due.workspace_id AND c.id = due.id",
			"WITH due AS (SELECT workspace_id, id FROM conversations WHERE workspace_id = ? AND run_after <= ? ORDER BY run_after LIMIT ? FOR UPDATE SKIP LOCKED) UPDATE conversations AS c SET holder = ? FROM due WHERE c.workspace_id = ? AND c.workspace_id = due.workspace_id AND c.id = due.id",
		},
		"deleted shares": {
			"SELECT d.workspace_id FROM deletions AS d WHERE d.reclaimed_at IS NULL GROUP BY d.workspace_id HAVING sum(d.embeddings) > 0.1 * (sum(d.embeddings) + (SELECT coalesce(sum(c.vector_count), 0) FROM conversations AS c WHERE c.workspace_id = d.workspace_id))",
			"SELECT lost.workspace_id FROM (SELECT workspace_id, sum(embeddings) AS v FROM deletions GROUP BY workspace_id) AS lost LEFT JOIN (SELECT workspace_id, sum(vector_count) AS v FROM conversations GROUP BY workspace_id) AS kept ON kept.workspace_id = lost.workspace_id",
		},
		"counts of workspaces": {
			"SELECT workspaces.*, (SELECT count(*) FROM conversations AS c WHERE c.workspace_id = workspaces.id) AS n FROM workspaces ORDER BY name",
			"SELECT workspaces.*, counted.n FROM workspaces LEFT JOIN (SELECT workspace_id, count(*) AS n FROM conversations GROUP BY workspace_id) AS counted ON counted.workspace_id = workspaces.id",
		},
		"the lock of a workspace": {`SELECT * FROM "workspaces" WHERE id = $1 FOR UPDATE`, `UPDATE "workspaces" SET "name" = $1 WHERE id = $2`},
		"the lock of a recipe":    {"SELECT * FROM recipes WHERE id = $1 FOR SHARE", "SELECT * FROM current_recipe FOR UPDATE"},
		"the table of a space":    {"SELECT CAST(CAST(tableoid AS regclass) AS text) FROM embeddings WHERE workspace_id = $1", "SELECT CAST(1 AS text) FROM embeddings WHERE workspace_id = $1"},
		"a setting":               {"SELECT set_config('hnsw.ef_search', '200', true), set_config('a', 'b', false)", "SELECT set_config('hnsw.ef_search', '200', false)"},
		"a nested lock":           {"SELECT id FROM conversations WHERE id IN (SELECT id FROM conversations WHERE pinned FOR UPDATE)", "SELECT id FROM conversations WHERE workspace_id = 1 AND id IN (SELECT id FROM conversations WHERE workspace_id = 1 FOR UPDATE)"},
		"statistics of a column":  {"ALTER TABLE messages\n ALTER COLUMN text SET STATISTICS 0", "ALTER INDEX x ALTER COLUMN 1 SET STATISTICS 0"},
		"serialized deliveries":   {"SELECT id FROM workspaces WHERE id = $1 FOR KEY SHARE", "SELECT id FROM workspaces WHERE id = $1 FOR NO KEY UPDATE"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEmpty(t, refusedByCitus(c.refused))
			require.Empty(t, refusedByCitus(c.works))
		})
	}
}
