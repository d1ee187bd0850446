package store_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// removers are the only functions that remove conversations, messages or workspaces, and why the
// ledger learns of it.
var removers = map[string]string{
	"DeleteConversations": "record writes the conversations into the outbox",
	"deleteAt":            "DeleteMessages calls remember, which writes the messages into the outbox",
	"DeleteWorkspace":     "it writes the workspace into the outbox",

	"TakeBack":                "nobody has seen the conversation",
	"takeBack":                "a restore leaves out what the file says was deleted",
	"RestoreDeletedWorkspace": "it takes a number, and nobody has seen the workspace",
}

// A new place that deletes must tell the ledger, or a restored backup brings back what it has deleted.
// This test finds every statement that deletes rows of these tables.
func TestOnlyKnownFunctionsRemove(t *testing.T) {
	rows := []string{"ConversationRow{}", "MessageRow{}", "workspaceRow{}", "&rows"}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(entry.Name())
		require.NoError(t, err)
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, entry.Name(), source, 0)
		require.NoError(t, err)
		text := func(n ast.Node) string {
			return string(source[files.Position(n.Pos()).Offset:files.Position(n.End()).Offset])
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					called, ok := n.Fun.(*ast.SelectorExpr)
					if !ok || called.Sel.Name != "Delete" || len(n.Args) == 0 {
						return true
					}
					for _, row := range rows {
						if strings.Contains(text(n.Args[0]), row) {
							found[fn.Name.Name] = true
						}
					}
				case *ast.BasicLit:
					for _, table := range []string{"conversations", "messages", "workspaces"} {
						require.NotContains(t, strings.ToLower(n.Value), "delete from "+table, "%s in %s", fn.Name.Name, entry.Name())
					}
				}
				return true
			})
		}
	}
	for name := range found {
		require.Contains(t, removers, name, "it deletes: write what it deletes into the outbox of the ledger, and add it here")
	}
	for name := range removers {
		require.True(t, found[name], "%s deletes nothing any more", name)
	}
}

// What a delete owes to the ledger is stored exactly when the delete is, and only for a database with a ledger.
func TestADeleteOwesToTheLedger(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		early, gone, kept := added(t, s, ws, "early", "one"), added(t, s, ws, "gone", "one"), added(t, s, ws, "kept", "one", "two")
		owed := func() (kinds []store.DeletedKind) {
			list, err := s.View(ctx).Owed(100)
			require.NoError(t, err)
			for _, o := range list {
				kinds = append(kinds, o.Kind)
			}
			return kinds
		}
		remove(t, s, ws, early.ID)
		require.Empty(t, owed(), "there is no ledger")
		id := store.LedgerID{1}
		inTx(t, s, func(tx *store.Tx) error { return tx.AttachLedger(id, 7) })
		state, err := s.View(ctx).Ledger()
		require.NoError(t, err)
		require.Equal(t, store.LedgerState{Attached: true, ID: id, Position: 7}, state)
		require.Equal(t, []store.DeletedKind{store.DeletedConversation}, owed(), "what the tombstones know")

		require.Error(t, s.InTx(ctx, func(tx *store.Tx) error {
			_, _, err := tx.DeleteConversations(ws, []chat.ConversationID{gone.ID}, chat.DeleteOptions{})
			require.NoError(t, err)
			return errors.New("undo")
		}))
		require.Len(t, owed(), 1, "the delete was rolled back")
		remove(t, s, ws, gone.ID)
		forget(t, s, ws, kept.ID, 1)
		inTx(t, s, func(tx *store.Tx) error { _, err := tx.DeleteWorkspace(ws, chat.DeleteOptions{}); return err })
		require.Equal(t, []store.DeletedKind{
			store.DeletedConversation, store.DeletedConversation, store.DeletedMessage, store.DeletedWorkspace, store.DeletedConversation,
		}, owed())
		list, err := s.View(ctx).Owed(2)
		require.NoError(t, err)
		inTx(t, s, func(tx *store.Tx) error { return tx.Settle(list, 9) })
		require.Len(t, owed(), 3)
		inTx(t, s, func(tx *store.Tx) error { return tx.ForgetLedger() })
		state, err = s.View(ctx).Ledger()
		require.NoError(t, err)
		require.False(t, state.Attached)
		require.Len(t, owed(), 3, "a later ledger gets them")
	})
}
