package store

import (
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// EnsureWorkspace returns the id of the workspace with this name, and creates it if it
// does not exist.
//
// It looks first, because a row that every server has cannot be inserted while one of them
// is down, not even if it exists.
func (tx *Tx) EnsureWorkspace(name string) (chat.WorkspaceID, error) {
	if ws, err := tx.Workspace(name); err == nil || !fault.Is(err, fault.NotFound) {
		return ws, err
	}
	if _, err := tx.createWorkspace(name); err != nil {
		return 0, err
	}
	return tx.Workspace(name)
}

// CreateWorkspace creates a workspace. Conflict when the name exists.
func (tx *Tx) CreateWorkspace(name string) (chat.WorkspaceID, error) {
	made, err := tx.createWorkspace(name)
	if err != nil {
		return 0, err
	}
	if !made {
		return 0, fault.New(fault.Conflict, "there is a workspace %q already", name)
	}
	return tx.Workspace(name)
}

func (tx *Tx) createWorkspace(name string) (made bool, err error) {
	row := workspaceRow{Name: name, CreatedAt: dialect.Micros(tx.now)}
	res := tx.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoNothing: true}).Omit("ID").Create(&row)
	return res.RowsAffected > 0, tx.fault(res.Error)
}

// Workspace returns the id of the workspace with this name. NotFound when there is none.
func (v *View) Workspace(name string) (chat.WorkspaceID, error) {
	row, err := one[workspaceRow](v, v.db.Where("name = ?", name), fault.NotFoundf("there is no workspace %q", name))
	return chat.WorkspaceID(row.ID), err
}

// WorkspaceName returns the name of a workspace. NotFound when it was deleted.
func (v *View) WorkspaceName(ws chat.WorkspaceID) (string, error) {
	row, err := one[workspaceRow](v, v.db.Where("id = ?", int64(ws)), fault.Missing("workspace"))
	return row.Name, err
}

// Workspaces returns all workspaces, ordered by name.
func (v *View) Workspaces() ([]chat.Workspace, error) {
	var rows []struct {
		ID            int64
		Name          string
		CreatedAt     int64
		Conversations int
	}
	err := v.db.Model(&workspaceRow{}).
		Select("workspaces.*, coalesce(counted.conversations, 0) AS conversations").
		Joins("LEFT JOIN (SELECT workspace_id, count(*) AS conversations FROM conversations GROUP BY workspace_id) AS counted ON counted.workspace_id = workspaces.id").
		Order("workspaces.name").Find(&rows).Error
	all := make([]chat.Workspace, len(rows))
	for i, r := range rows {
		all[i] = chat.Workspace{ID: chat.WorkspaceID(r.ID), Name: r.Name, CreatedAt: dialect.FromMicros(r.CreatedAt), Conversations: r.Conversations}
	}
	return all, v.fault(err)
}

// DeleteWorkspace deletes a workspace with its conversations, keys, imports, platforms
// and tombstones. Receipts stay, including the one of this delete, which is written even
// if there was no conversation. NotFound when there is no such workspace.
func (tx *Tx) DeleteWorkspace(ws chat.WorkspaceID, o chat.DeleteOptions) (chat.Deletion, error) {
	row, err := tx.lockWorkspaceRow(ws)
	if err != nil {
		return chat.Deletion{}, err
	}
	if err := tx.owe(DeletedWorkspace, [][]byte{tx.workspaceHash(row)}); err != nil {
		return chat.Deletion{}, err
	}
	ids, err := tx.LockMatching(ws, chat.Filter{})
	if err != nil {
		return chat.Deletion{}, err
	}
	_, receipt, err := tx.DeleteConversations(ws, ids, o)
	if err != nil {
		return chat.Deletion{}, err
	}
	if len(ids) == 0 {
		if receipt, err = tx.record(ws, nil, o); err != nil {
			return chat.Deletion{}, err
		}
	}
	return receipt, tx.fault(tx.db.Where("id = ?", int64(ws)).Delete(&workspaceRow{}).Error)
}
