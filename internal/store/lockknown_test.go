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

// A part of an import finds its conversations by their ids. If it read the workspace, an import
// would take the longer the more is stored.
func TestAnImportDoesNotReadTheWorkspace(t *testing.T) {
	t.Parallel()
	var asked []string
	s := openTraced(t, storetest.New(t, storetest.SQLite), func(statement string) {
		if strings.HasPrefix(statement, "SELECT") && strings.Contains(statement, "`conversations`") {
			asked = append(asked, statement)
		}
	})
	ws := workspace(t, s, "w")
	var origins []chat.Origin
	for n := range 300 {
		platform := []string{"chatgpt", "claude"}[n%2]
		origins = append(origins, chat.Origin{Platform: platform, ExternalID: fmt.Sprint(n)})
		c := transcript(t, fmt.Sprint(n), "hello")
		c.Platform = platform
		createAll(t, s, ws, c)
	}
	asked = nil
	inTx(t, s, func(tx *store.Tx) error {
		known, err := tx.LockKnown(ws, origins, make([]chat.UploadSum, len(origins)))
		require.Len(t, known, len(origins))
		return err
	})
	require.NotEmpty(t, asked)
	for _, statement := range asked {
		var plan []struct{ Detail string }
		values := make([]any, strings.Count(statement, "?"))
		require.NoError(t, store.DB(s).Raw("EXPLAIN QUERY PLAN "+statement, values...).Scan(&plan).Error)
		require.Regexp(t, `\(workspace_id=\? AND (platform=\? AND external_)?id=\?\)`, fmt.Sprint(plan), statement[:80])
	}
}
