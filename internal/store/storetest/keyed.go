package storetest

import (
	"strings"
	"testing"
)

// keyed returns a check of every statement that the store sends in a test: one
// that reads or writes rows of workspaces must be limited to one of them.
func keyed(t testing.TB) func(string) {
	return func(statement string) {
		tables := unbound(statement, OfWorkspaces)
		if len(tables) == 0 {
			return
		}
		for _, known := range acrossWorkspaces {
			if strings.Contains(statement, known) {
				return
			}
		}
		t.Errorf("a statement that reaches rows of every workspace in %s: limit each table by its workspace_id, or, with the reason, add it to acrossWorkspaces:\n%s",
			strings.Join(tables, ", "), statement)
	}
}

// OfWorkspaces are the tables whose rows belong to workspaces.
var OfWorkspaces = []string{"conversations", "messages", "chunks", "embeddings", "imports", "platforms", "deletions", "tombstones"}

// acrossWorkspaces are parts of the few statements that are about all of them.
var acrossWorkspaces = []string{
	"workspace_id > 0",     // tests that count what is left of a delete, wherever it is
	"chunks_fts_docsize",   // the doctor checks the full-text index, which is one for all
	"chunks_fts MATCH",     // the terms of SQLite's full-text index begin with the workspace
	"c.message_count <> (", // the doctor checks every workspace, in these six
	"c.chunk_count > 0 AND c.recipe_id <> ",
	"x.unreadable_by = ''",
	"AS x WHERE NOT EXISTS",
	"IN ('queued', 'indexing') AND run_after < ",
	"indexed_revision <> c.revision",
	"ORDER BY run_after LIMIT",                   // when the next conversation is due, in any workspace
	"WHERE id = ",                                // the operator's proof of a receipt knows its id alone
	"HAVING sum(chunk_count) > ",                 // which workspaces are large enough for a vector index
	"sum(chunk_count), 0) FROM conversations",    // how much of an index was deleted
	"reclaimed_at IS NULL",                       // what is left to reclaim
	"WHERE index_state = ",                       // what has failed is queued again when a setting has changed
	"IN ('queued', 'indexing') AND run_after > ", // what a wrong clock put off
	"holder > 0",                                 // who holds claims, and what programs held that have ended
	"platform = '' AND ended_at < ",              // old records of imports that stored nothing
	"recipe_id > 0",                              // what another model made is re-indexed, in any workspace
}
