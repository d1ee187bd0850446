package store

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// dropEmptied deletes what only the deleted conversations used: their imports, and the
// names and imports of platforms that have no conversation left.
func (tx *Tx) dropEmptied(ws chat.WorkspaceID, deleted []dialect.ConversationRow) error {
	ids, imports, platforms := make([]chat.ConversationID, len(deleted)), make([]string, 0, 2*len(deleted)), make([]string, len(deleted))
	for i, c := range deleted {
		ids[i], imports, platforms[i] = c.ID, append(imports, c.ImportID, c.LastImportID), c.Platform
	}
	for batch := range slices.Chunk(ids, idBatch) {
		err := tx.db.Where("workspace_id = ? AND conversation_id IN ?", int64(ws), batch).Delete(&importRow{}).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	for batch := range slices.Chunk(distinct(imports), idBatch) {
		err := tx.db.Where("workspace_id = ? AND id IN ?", int64(ws), batch).Where(ended).Where(unusedImport).Delete(&importRow{}).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	for _, platform := range distinct(platforms) {
		if err := tx.dropPlatform(ws, platform); err != nil {
			return err
		}
	}
	_, found, err := first[dialect.ConversationRow](&tx.View, tx.db.Select("id").Where("workspace_id = ?", int64(ws)))
	if err != nil || found {
		return err
	}
	// Nothing else is left that the records of imports which stored nothing could go with.
	return tx.fault(tx.db.Where("workspace_id = ? AND platform = ''", int64(ws)).Where(ended).Delete(&importRow{}).Error)
}

// unusedImport is the condition that an import has neither created nor last sent any
// stored conversation.
const unusedImport = "NOT EXISTS (SELECT 1 FROM conversations AS c WHERE c.workspace_id = imports.workspace_id AND c.import_id = imports.id)" +
	" AND NOT EXISTS (SELECT 1 FROM conversations AS c WHERE c.workspace_id = imports.workspace_id AND c.last_import_id = imports.id)"

// dropPlatform deletes the name and the imports of a platform without conversations.
func (tx *Tx) dropPlatform(ws chat.WorkspaceID, platform string) error {
	const its = "workspace_id = ? AND platform = ?"
	var left []string
	err := tx.db.Model(&dialect.ConversationRow{}).Where(its, int64(ws), platform).Limit(1).Pluck("id", &left).Error
	if err != nil || len(left) > 0 {
		return tx.fault(err)
	}
	if err := tx.db.Where(its, int64(ws), platform).Delete(&platformRow{}).Error; err != nil {
		return tx.fault(err)
	}
	return tx.dropPlatformOfImports(ws, platform)
}

// emptied are the statements that delete rows that nothing uses any more. On PostgreSQL
// two concurrent deletes can leave such rows, because each still sees the conversations
// that the other one deletes.
var emptied = []string{
	"DELETE FROM platforms WHERE workspace_id = ? AND NOT EXISTS (SELECT 1 FROM conversations AS c WHERE c.workspace_id = platforms.workspace_id AND c.platform = platforms.platform)",
	"DELETE FROM imports WHERE workspace_id = ? AND platform <> '' AND " + ended + " AND NOT EXISTS (SELECT 1 FROM conversations AS c WHERE c.workspace_id = imports.workspace_id AND" +
		" (c.platform = imports.platform OR replace(' ' || imports.platforms || ' ', ' ' || c.platform || ' ', '') <> ' ' || imports.platforms || ' ')) AND " + unusedImport,
}

func distinct(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}
