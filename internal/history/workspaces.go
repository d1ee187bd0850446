package history

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Workspaces returns all workspaces, by name.
func (a Administration) Workspaces(ctx context.Context) ([]chat.Workspace, error) {
	return a.history.store.View(ctx).Workspaces()
}

// CreateWorkspace creates an empty workspace. Invalid when the name is blank or too long, Conflict when it is taken.
func (a Administration) CreateWorkspace(ctx context.Context, name string) (ws chat.WorkspaceID, err error) {
	name = strings.TrimSpace(name)
	var found fault.Problems
	if checkName(&found, "workspace", name); found.Err() != nil {
		return 0, found.Err()
	}
	err = a.history.store.InTx(ctx, func(tx *store.Tx) error {
		ws, err = tx.CreateWorkspace(name)
		return err
	})
	return ws, err
}

// DeleteWorkspace deletes a workspace with all its conversations and keys in one transaction, and returns its one
// receipt. Uploads in progress then fail, and its keys stop working at once. NotFound when no workspace has that
// name. exported, if not nil, are the conversations that the caller has in a file. Then it is a Conflict with a
// *chat.ChangedError when one was changed or added since.
func (a Administration) DeleteWorkspace(ctx context.Context, name string, exported map[chat.ConversationID]int64) (receipt chat.Deletion, err error) {
	err = a.history.store.InDeletingTx(ctx, func(tx *store.Tx) error {
		ws, err := tx.Workspace(name)
		if err != nil {
			return err
		}
		if exported != nil {
			if err := unchangedWorkspace(tx, ws, exported); err != nil {
				return err
			}
		}
		receipt, err = tx.DeleteWorkspace(ws, chat.DeleteOptions{KeyID: auth.OperatorKeyID})
		return err
	})
	if err != nil {
		return chat.Deletion{}, err
	}
	a.history.deleted()
	return receipt, nil
}

// unchangedWorkspace returns a Conflict when the workspace has a conversation that is not in the file in its current
// revision.
func unchangedWorkspace(tx *store.Tx, ws chat.WorkspaceID, exported map[chat.ConversationID]int64) error {
	locked, err := tx.LockWorkspace(ws)
	if err != nil {
		return err
	}
	var changed []chat.Conversation
	for _, c := range locked {
		if revision, ok := exported[c.ID]; !ok || revision != c.Revision {
			changed = append(changed, c)
		}
	}
	return errChanged(len(locked), changed)
}

// checkName reports what is wrong with the name of a workspace or a key.
func checkName(found *fault.Problems, field fault.Field, value string) {
	if n := utf8.RuneCountInString(value); n == 0 || n > maxNameRunes || !utf8.ValidString(value) || strings.ContainsFunc(value, isControl) {
		found.Add(fault.At(field), "must have 1 to %d printable characters", maxNameRunes)
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
