package storetest

import (
	"regexp"
	"strings"
	"testing"
)

// keyed returns a check of every statement that the store sends in a test: one
// that reads or writes rows of workspaces must say of which.
func keyed(t testing.TB) func(string) {
	return func(statement string) {
		if !ofWorkspaces.MatchString(statement) || strings.Contains(statement, "workspace_id") {
			return
		}
		for _, known := range acrossWorkspaces {
			if strings.Contains(statement, known) {
				return
			}
		}
		t.Errorf("a statement that does not name its workspace: add it to the condition, or, with the reason, to acrossWorkspaces:\n%s", statement)
	}
}

// ofWorkspaces are the tables whose rows belong to workspaces.
var ofWorkspaces = regexp.MustCompile(`\b(conversations|messages|chunks|embeddings|imports|platforms|deletions|tombstones)\b`)

// acrossWorkspaces are parts of the few statements that are about all of them.
var acrossWorkspaces = []string{
	"indexed_revision <> c.revision",
	"AND run_after < ",
	"AS x WHERE NOT EXISTS",    // the doctor looks at everybody, in these three
	"ORDER BY run_after LIMIT", // when the next conversation is due, whoever's it is
	"reclaimed_at IS NULL",     // what is left to reclaim
	"token_count <= ",          // what has failed is queued again when a service starts
	"AND recipe_id > 0",        // what another model made is made anew, whoever's it is
}
