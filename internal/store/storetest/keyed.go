package storetest

import (
	"strings"
	"testing"
)

// keyed returns a function that checks every statement that the store sends in a test: a statement that reads or
// writes rows of workspaces must be limited to one workspace.
func keyed(t testing.TB) func(string) {
	refused := onCitus(t)
	return func(statement string) {
		refused(statement)
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
var OfWorkspaces = []string{"conversations", "messages", "chunks", "embeddings", "imports", "platforms", "deletions", "tombstones", "message_tombstones", "idempotency_keys", "idempotent_uploads"}

// acrossWorkspaces are parts of the few statements that concern all workspaces.
var acrossWorkspaces = []string{
	"workspace_id > 0",     // tests that count what remains after a delete, in any workspace
	"chunks_fts_docsize",   // the doctor checks the full-text index, which all workspaces share
	"chunks_fts MATCH",     // terms in SQLite's full-text index begin with the workspace
	"c.message_count <> (", // the doctor checks every workspace, in these six statements
	"c.chunk_count > 0 AND c.recipe_id <> ",
	"x.unreadable_by = ''",
	"AS x WHERE NOT EXISTS",
	"IN ('queued', 'indexing') AND run_after < ",
	"indexed_revision <> c.revision",
	"ORDER BY run_after LIMIT",                   // when the next conversation is due, in any workspace
	"WHERE id = ",                                // the operator's proof of a receipt has only its id
	"HAVING sum(chunk_count) > ",                 // which workspaces are large enough for a vector index
	"sum(chunk_count), 0) FROM conversations",    // how much of an index was deleted
	"AS counted ON counted.workspace_id = ",      // the operator lists all workspaces with their number of conversations
	"reclaimed_at IS NULL",                       // what is left to reclaim
	"WHERE index_state = ",                       // failed conversations are queued again when a setting has changed
	"IN ('queued', 'indexing') AND run_after > ", // conversations that a wrong clock postponed
	"holder > 0",                                 // which programs have claims, and claims of programs that have ended
	"platform = '' AND ended_at < ",              // old records of imports that stored nothing
	"used_at <= ",                                // old idempotency keys
	"recipe_id > 0",                              // conversations that another model indexed are re-indexed, in any workspace
	"w.id = deletions.workspace_id",              // the receipts of deleted workspaces, in an export of everything
	"FROM tombstones LIMIT 1",                    // whether any tombstone needs the key that a restore replaces
}
