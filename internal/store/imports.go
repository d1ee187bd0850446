package store

import (
	"cmp"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// AddToImport adds a delivery to the record of its import. The platform of an import that
// brings conversations of several platforms becomes `several`.
func (tx *Tx) AddToImport(ws chat.WorkspaceID, i chat.Import) error {
	more := clause.OnConflict{
		Columns: []clause.Column{{Name: "workspace_id"}, {Name: "id"}},
		DoUpdates: clause.Assignments(map[string]any{
			"conversations": gorm.Expr("imports.conversations + ?", i.Conversations),
			"messages":      gorm.Expr("imports.messages + ?", i.Messages),
			"platform":      gorm.Expr("CASE WHEN imports.platform = ? THEN imports.platform ELSE ? END", i.Platform, chat.SeveralPlatforms),
		}),
	}
	now := dialect.Micros(tx.now)
	row := importRow{
		WorkspaceID: int64(ws), ID: i.ID, Kind: i.Kind, Platform: i.Platform, State: stored,
		Conversations: i.Conversations, Messages: i.Messages, CreatedAt: now, EndedAt: &now,
	}
	row.name(i.Platforms)
	row.count(i.Counts)
	if i.ConversationID != "" {
		row.ConversationID = &i.ConversationID
	}
	return tx.fault(tx.db.Clauses(more).Create(&row).Error)
}

// NamePlatform stores the display name of a platform. The last name wins. A name that the
// platform has already is not written.
func (tx *Tx) NamePlatform(ws chat.WorkspaceID, platform, displayName string) error {
	return tx.fault(tx.db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "workspace_id"}, {Name: "platform"}},
		DoUpdates: clause.AssignmentColumns([]string{"display_name"}),
		Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "platforms.display_name <> excluded.display_name"}}},
	}).Create(&platformRow{WorkspaceID: int64(ws), Platform: platform, DisplayName: displayName}).Error)
}

// PlatformNames returns the display names of the platforms that have one.
func (v *View) PlatformNames(ws chat.WorkspaceID) (map[string]string, error) {
	var rows []platformRow
	err := v.db.Where("workspace_id = ?", int64(ws)).Find(&rows).Error
	names := make(map[string]string, len(rows))
	for _, r := range rows {
		names[r.Platform] = r.DisplayName
	}
	return names, v.fault(err)
}

// Imports returns one page of the imports, newest first, and the number of all imports.
func (v *View) Imports(ws chat.WorkspaceID, page, pageSize int) ([]chat.Import, int, error) {
	var total int64
	if err := v.imports(ws).Count(&total).Error; err != nil {
		return nil, 0, v.fault(err)
	}
	var rows []importRow
	err := v.imports(ws).Order("created_at DESC, id DESC").Limit(pageSize).Offset((page - 1) * pageSize).Find(&rows).Error
	if err != nil {
		return nil, 0, v.fault(err)
	}
	items, err := v.withProgress(ws, rows)
	return items, int(total), err
}

// Import returns one import. NotFound when the workspace has no import with this id.
func (v *View) Import(ws chat.WorkspaceID, id string) (chat.Import, error) {
	row, err := one[importRow](v, v.imports(ws).Where("id = ?", id), fault.Missing("import"))
	if err != nil {
		return chat.Import{}, err
	}
	items, err := v.withProgress(ws, []importRow{row})
	if err != nil {
		return chat.Import{}, err
	}
	return items[0], nil
}

func (v *View) imports(ws chat.WorkspaceID) *gorm.DB {
	return v.db.Model(&importRow{}).Where("workspace_id = ?", int64(ws))
}

// progressRow is the number of conversations that an import sent last and that are in one
// state.
type progressRow struct {
	ImportID   string
	IndexState string
	N          int
	Reason     string
}

// withProgress adds the states of its conversations to each import. An import stores no
// status of its own, so the two cannot differ.
func (v *View) withProgress(ws chat.WorkspaceID, rows []importRow) ([]chat.Import, error) {
	ids := make([]string, len(rows))
	items := make([]chat.Import, len(rows))
	at := make(map[string]*chat.Import, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
		items[i] = r.record()
		at[r.ID] = &items[i]
	}
	if len(ids) == 0 {
		return items, nil
	}
	var progress []progressRow
	err := v.db.Model(&dialect.ConversationRow{}).
		Select("last_import_id AS import_id, index_state, count(*) AS n, max(index_error) AS reason").
		Where("workspace_id = ? AND last_import_id IN ?", int64(ws), ids).
		Group("last_import_id, index_state").Find(&progress).Error
	if err != nil {
		return nil, v.fault(err)
	}
	for _, p := range progress {
		count(at[p.ImportID], p)
	}
	for i := range items {
		items[i].Status = status(items[i])
		if items[i].State == chat.StateDone && items[i].Pending > 0 {
			items[i].State = chat.StateIndexing
		}
	}
	return items, nil
}

func count(i *chat.Import, p progressRow) {
	switch chat.IndexState(p.IndexState) {
	case chat.Ready:
		i.Ready += p.N
	case chat.Failed:
		i.Failed += p.N
		i.Error = cmp.Or(i.Error, p.Reason)
	default:
		i.Pending += p.N
	}
}

// status returns the status of an import: that of its conversations, unless it is still running or was not completed.
func status(i chat.Import) chat.ImportStatus {
	ended := !i.State.Running()
	switch {
	case !ended && i.Conversations == 0, ended && i.Pending > 0 && i.Ready == 0 && i.Failed == 0:
		return chat.ImportQueued
	case !ended || i.Pending > 0:
		return chat.ImportProcessing
	case i.Failed > 0 || i.State == chat.StateFailed || i.State == chat.StateStopped:
		return chat.ImportFailed
	default:
		return chat.ImportReady
	}
}
