package history

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// OperatorKeyID stands in receipts for the command line, which needs no key.
const OperatorKeyID = "operator"

// Workspaces returns all workspaces, by name.
func (h *History) Workspaces(ctx context.Context) ([]chat.Workspace, error) {
	return h.store.View(ctx).Workspaces()
}

// CreateWorkspace makes an empty workspace. Invalid when the name is blank or too
// long, Conflict when it is taken.
func (h *History) CreateWorkspace(ctx context.Context, name string) (ws chat.WorkspaceID, err error) {
	name = strings.TrimSpace(name)
	if err := checkName("workspace", name); err != nil {
		return 0, err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		ws, err = tx.CreateWorkspace(name)
		return err
	})
	return ws, err
}

// DeleteWorkspace removes a workspace with all its conversations and keys in one
// transaction, and returns the one receipt of it. Uploads that are under way then
// fail, and its keys stop at once. NotFound when there is none of that name;
// Conflict when it does not have as many conversations as expected (nil for any
// number).
func (h *History) DeleteWorkspace(ctx context.Context, name string, expected *int) (receipt chat.Deletion, err error) {
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		ws, err := tx.Workspace(name)
		if err != nil {
			return err
		}
		receipt, err = tx.DeleteWorkspace(ws, chat.DeleteOptions{KeyID: OperatorKeyID})
		if err == nil && expected != nil && *expected != receipt.Conversations {
			return fault.New(fault.Conflict, "the workspace has %d conversations and not %d; nothing was deleted", receipt.Conversations, *expected)
		}
		return err
	})
	if err != nil {
		return chat.Deletion{}, err
	}
	h.deleted()
	return receipt, nil
}

// checkName says what is wrong with the name of a workspace or a key.
func checkName(field, value string) error {
	if n := utf8.RuneCountInString(value); n == 0 || n > maxNameRunes || !utf8.ValidString(value) || strings.ContainsFunc(value, isControl) {
		return fault.Invalidf("the %s must have 1 to %d printable characters", field, maxNameRunes)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
