package store_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// unkeyed are the tables and indexes that do not begin with the workspace, with their
// reasons. There should be few, and none that grows with the history and serves a
// request.
var unkeyed = map[string]string{
	"workspaces":               "the workspaces themselves, found by name when a key is made",
	"schema_migrations":        "one row a migration",
	"api_keys.prefix":          "a request says its key before anyone knows its workspace",
	"conversations.run_after":  "work is taken across workspaces, by whoever has waited longest",
	"conversations.recipe_id":  "as is what another model made",
	"conversations.holder":     "as is what programs held that have ended: a few rows",
	"recipes":                  "one row a model that was ever used",
	"current_recipe":           "one row",
	"chunks.terms":             "PostgreSQL: the number of a term is a hash of it and its workspace",
	"chunks.id":                "SQLite: the full-text index's row numbers",
	"ledger_state":             "one row",
	"ledger_outbox":            "what the ledger does not have yet: empty but for moments",
	"secrets":                  "a few rows, the keys of hashes",
	"imports.seen_at":          "running imports, over all workspaces: a few rows",
	"idempotency_keys.used_at": "keys that are too old, over all workspaces: a few rows",
	"imports.ended_at":         "imports that stored nothing, over all workspaces: a few rows",
	"deletions.deleted_at":     "what is left to reclaim, over all workspaces: a few rows",
	"vector_version":           "SQLite: one row, the state of all vectors",
	"chunks_fts":               "SQLite: each term begins with its workspace",
}

// partitionName matches the names of partitions in docs/partitions.sql.
var partitionName = regexp.MustCompile(`_p\d+$`)

// The check of statements knows every table whose rows belong to a workspace.
func TestTheCheckOfStatementsKnowsEveryTable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		keyed := tables(t, db.Open(t), "workspace_id")
		keyed = slices.DeleteFunc(keyed, func(table string) bool {
			partition := partitionName.MatchString(table) // statements name the table that it is a part of
			return partition || table == "api_keys"       // a request names its key before anyone knows its workspace
		})
		require.ElementsMatch(t, storetest.OfWorkspaces, keyed)
	})
}

func TestEveryTableAndIndexBeginsWithTheWorkspace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		db.Open(t)
		tables := db.Indexes(t)
		require.NotEmpty(t, tables)
		for table, indexes := range tables {
			if _, ok := unkeyed[table]; ok || strings.HasPrefix(table, "chunks_fts") {
				continue
			}
			require.NotEmpty(t, indexes, "table %s has no key", table)
			for _, columns := range indexes {
				first := columns[0]
				if _, ok := unkeyed[table+"."+first]; ok {
					continue
				}
				require.Equal(t, "workspace_id", first, "an index of %s over %v", table, columns)
			}
		}
	})
}
