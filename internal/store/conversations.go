package store

import (
	"cmp"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Conversation returns one conversation without its messages; NotFound when the
// workspace has none of that id. The id must be in canonical form.
func (v *View) Conversation(ws chat.WorkspaceID, id string) (chat.Conversation, error) {
	return v.conversation(v.db.Where("workspace_id = ? AND id = ?", int64(ws), id))
}

// Transcript returns a conversation with its messages in order; NotFound when
// the workspace has none of that id.
func (v *View) Transcript(ws chat.WorkspaceID, id string) (chat.Transcript, error) {
	c, err := v.Conversation(ws, id)
	if err != nil {
		return chat.Transcript{}, err
	}
	return v.withTurns(ws, c)
}

func (v *View) withTurns(ws chat.WorkspaceID, c chat.Conversation) (chat.Transcript, error) {
	var rows []dialect.MessageRow
	err := v.db.Where("workspace_id = ? AND conversation_id = ?", int64(ws), c.ID).Order("position").Find(&rows).Error
	if err != nil {
		return chat.Transcript{}, v.fault(err)
	}
	t := chat.Transcript{Conversation: c, Turns: make([]chat.Message, len(rows))}
	for i, r := range rows {
		t.Turns[i] = messageOf(r)
	}
	return t, nil
}

func (v *View) conversation(query *gorm.DB) (chat.Conversation, error) {
	row, err := one[dialect.ConversationRow](v, query, fault.Missing("conversation"))
	if err != nil {
		return chat.Conversation{}, err
	}
	return conversationOf(row), nil
}

// Conversations returns one page of the listing, newest update first, ids
// breaking ties, and how many the filter matches in all.
func (v *View) Conversations(ws chat.WorkspaceID, q chat.ListQuery) ([]chat.Conversation, int, error) {
	var total int64
	if err := v.filtered(ws, q.Filter).Count(&total).Error; err != nil {
		return nil, 0, v.fault(err)
	}
	var rows []dialect.ConversationRow
	err := v.filtered(ws, q.Filter).Order("conversations.updated_at DESC, conversations.id DESC").
		Limit(q.PageSize).Offset((q.Page - 1) * q.PageSize).Find(&rows).Error
	items := make([]chat.Conversation, len(rows))
	for i, r := range rows {
		items[i] = conversationOf(r)
	}
	return items, int(total), v.fault(err)
}

// ConversationsAfter returns up to n conversations that pass the filter in the
// order of their ids, which is that in which they were made, beginning after the
// id given; empty for the first.
func (v *View) ConversationsAfter(ws chat.WorkspaceID, f chat.Filter, after string, n int) ([]chat.Conversation, error) {
	query := v.filtered(ws, f)
	if after != "" {
		query = query.Where("conversations.id > ?", after)
	}
	var rows []dialect.ConversationRow
	err := query.Order("conversations.id").Limit(n).Find(&rows).Error
	items := make([]chat.Conversation, len(rows))
	for i, r := range rows {
		items[i] = conversationOf(r)
	}
	return items, v.fault(err)
}

// Count returns how many conversations the workspace has.
func (v *View) Count(ws chat.WorkspaceID) (int, error) { return v.CountMatching(ws, chat.Filter{}) }

// CountMatching returns how many of them pass the filter.
func (v *View) CountMatching(ws chat.WorkspaceID, f chat.Filter) (int, error) {
	var n int64
	err := v.filtered(ws, f).Count(&n).Error
	return int(n), v.fault(err)
}

// LockMatching returns the ids of the conversations that pass the filter, in the
// order in which all deletes lock, and holds them until the transaction ends, so
// that what is counted is what is deleted.
func (tx *Tx) LockMatching(ws chat.WorkspaceID, f chat.Filter) ([]string, error) {
	ids := []string{}
	err := tx.filtered(ws, f).Clauses(clause.Locking{Strength: "UPDATE"}).
		Order("conversations.id").Pluck("conversations.id", &ids).Error
	return ids, tx.fault(err)
}

func (v *View) filtered(ws chat.WorkspaceID, f chat.Filter) *gorm.DB {
	return dialect.Filtered(v.db, ws, f)
}

// knownText is how many bytes of text a conversation may have to be merged as it is.
// Longer ones are read in pages of so much. Smaller pages would cost time: PostgreSQL
// unpacks all of a text to give a piece of it.
const knownText = 4 << 20

// LockByExternalID returns the conversation that the caller's own id names, with
// its messages, and holds it until the transaction ends; NotFound when there is
// none yet. When its texts are long, they are abridged, for chat.MergeAbridged.
func (tx *Tx) LockByExternalID(ws chat.WorkspaceID, platform, externalID string) (t chat.Transcript, abridged bool, err error) {
	t.Conversation, err = tx.conversation(tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).
		Where("workspace_id = ? AND platform = ? AND external_id = ?", int64(ws), platform, externalID))
	if err != nil {
		return chat.Transcript{}, false, err
	}
	parts, last, err := tx.Parts(ws, t.ID, chat.PartAt{}, knownText)
	if err != nil {
		return chat.Transcript{}, false, err
	}
	if !last {
		t.Turns, err = tx.abridged(ws, t.ID)
		return t, true, err
	}
	t.Turns = make([]chat.Message, len(parts))
	for i, part := range parts {
		t.Turns[i] = part.Message
	}
	return t, false, nil
}

// abridged returns all messages of a conversation with abridged texts.
func (tx *Tx) abridged(ws chat.WorkspaceID, conversation string) (turns []chat.Message, err error) {
	var text chat.Abridger
	at := chat.PartAt{}
	for last := false; !last; {
		var parts []chat.Part
		if parts, last, err = tx.Parts(ws, conversation, at, knownText); err != nil {
			return nil, err
		}
		for _, part := range parts {
			at = part.After()
			if part.Begins() {
				text = chat.Abridger{}
			}
			text.Write(part.Text)
			if part.Ends() {
				part.Message.Text = text.Abridged()
				turns = append(turns, part.Message)
			}
		}
	}
	return turns, nil
}

// CreateConversation stores a new conversation with its messages, queued for
// indexing. It reports false, and stores nothing, when another transaction was
// faster with the same external id: lock that one and merge.
func (tx *Tx) CreateConversation(ws chat.WorkspaceID, t chat.Transcript) (bool, error) {
	made, err := tx.CreateConversations(ws, []chat.Transcript{t})
	return len(made) > 0, err
}

// conversationBatch is how many conversations one INSERT carries: some twenty
// values each, far below the 32,766 that SQLite binds.
const conversationBatch = 100

// CreateConversations is CreateConversation for many. It returns the ids of those
// that it stored; of two with the same external id that is the first.
func (tx *Tx) CreateConversations(ws chat.WorkspaceID, fresh []chat.Transcript) (map[string]bool, error) {
	rows := make([]dialect.ConversationRow, len(fresh))
	for i, t := range fresh {
		rows[i] = tx.queuedRow(ws, t)
	}
	// Two transactions that create the same then meet at the first of them, and
	// cannot wait for each other.
	slices.SortStableFunc(rows, func(a, b dialect.ConversationRow) int {
		return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.ExternalID, b.ExternalID))
	})
	stored := 0
	for batch := range slices.Chunk(rows, conversationBatch) {
		res := tx.db.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "workspace_id"}, {Name: "platform"}, {Name: "external_id"}},
			DoNothing: true,
		}).Create(&batch)
		if res.Error != nil {
			return nil, tx.fault(res.Error)
		}
		stored += int(res.RowsAffected)
	}
	made, err := tx.thoseStored(ws, rows, stored)
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(slices.Clone(fresh), func(t chat.Transcript) bool { return !made[t.ID] })
	return made, tx.insertMessages(ws, mine...)
}

func (tx *Tx) queuedRow(ws chat.WorkspaceID, t chat.Transcript) dialect.ConversationRow {
	return dialect.ConversationRow{
		WorkspaceID: int64(ws), ID: t.ID, Platform: t.Platform, ExternalID: t.ExternalID,
		Title: t.Title, TitleFolded: chat.Fold(t.Title), CreatedAt: dialect.Micros(t.CreatedAt), UpdatedAt: dialect.Micros(t.UpdatedAt),
		Pinned: t.Pinned, ImportID: t.ImportID, LastImportID: t.ImportID, MessageCount: len(t.Turns), Revision: 1,
		IndexState: string(chat.Queued), RunAfter: dialect.Micros(tx.now),
	}
}

// thoseStored tells which of new rows are there, of which so many were stored.
func (tx *Tx) thoseStored(ws chat.WorkspaceID, rows []dialect.ConversationRow, stored int) (map[string]bool, error) {
	made := make(map[string]bool, stored)
	if stored == len(rows) {
		for _, r := range rows {
			made[r.ID] = true
		}
		return made, nil
	}
	// Whoever was faster with the others has given them ids of their own.
	for batch := range slices.Chunk(rows, idBatch) {
		asked, there := make([]string, len(batch)), []string{}
		for i, r := range batch {
			asked[i] = r.ID
		}
		err := tx.db.Model(&dialect.ConversationRow{}).Where("workspace_id = ? AND id IN ?", int64(ws), asked).Pluck("id", &there).Error
		if err != nil {
			return nil, tx.fault(err)
		}
		for _, id := range there {
			made[id] = true
		}
	}
	return made, nil
}

// idBatch is how many ids one query asks for.
const idBatch = 1000

// TakeBack undoes the creation of a conversation that this very transaction
// created, which nobody else has seen. It is no delete, and has no receipt.
func (tx *Tx) TakeBack(ws chat.WorkspaceID, id string) error {
	return tx.fault(tx.db.Where("workspace_id = ? AND id = ?", int64(ws), id).Delete(&dialect.ConversationRow{}).Error)
}

// LockDelivery lets the transactions that write many conversations of a workspace
// at once follow each other, each until it ends: they lock more than one, and in
// an order that is not theirs to choose. Nobody else waits for them. Conflict when
// the workspace was deleted.
func (tx *Tx) LockDelivery(ws chat.WorkspaceID) error {
	// Rows that refer to the workspace can still be written: they need its key alone.
	_, err := one[workspaceRow](&tx.View, tx.db.Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).Where("id = ?", int64(ws)),
		fault.New(fault.Conflict, "the workspace was deleted meanwhile"))
	return err
}

// LockKnown tells which conversations the workspace has or had: those that are
// stored, which are held until the transaction ends, and those that were deleted.
// There may be at most 1,000 origins.
func (tx *Tx) LockKnown(ws chat.WorkspaceID, origins []chat.Origin) (map[chat.Origin]bool, error) {
	known, err := tx.TombstonedAmong(ws, origins)
	if err != nil {
		return nil, err
	}
	names := map[string][]string{} // by platform
	for _, o := range origins {
		names[o.Platform] = append(names[o.Platform], o.ExternalID)
	}
	among := tx.db.Where("1 = 0")
	for platform, ids := range names {
		among = among.Or("platform = ? AND external_id IN ?", platform, ids)
	}
	var stored []dialect.ConversationRow
	err = tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id", "platform", "external_id").
		Where("workspace_id = ?", int64(ws)).Where(among).
		Order("id"). // as deletes do it; so it is one query for all platforms
		Find(&stored).Error
	for _, c := range stored {
		known[chat.Origin{Platform: c.Platform, ExternalID: c.ExternalID}] = true
	}
	return known, tx.fault(err)
}

// UpdateConversation writes what a merge changed. When the messages or the title
// changed, the conversation is queued for indexing again. It stays with the import
// that created it; importID is the one that brought it now.
func (tx *Tx) UpdateConversation(ws chat.WorkspaceID, stored chat.Conversation, m chat.Merged, importID string) (chat.Conversation, error) {
	changes := map[string]any{
		"title": m.Title, "title_folded": chat.Fold(m.Title), "last_import_id": importID,
		"created_at": dialect.Micros(m.CreatedAt), "updated_at": dialect.Micros(m.UpdatedAt), "pinned": m.Pinned,
	}
	if m.Changed() {
		changes["message_count"] = len(m.Messages)
	}
	switch {
	case m.Changed() || m.Title != stored.Title:
		tx.requeue(changes)
	case dialect.Micros(m.CreatedAt) != dialect.Micros(stored.CreatedAt) || dialect.Micros(m.UpdatedAt) != dialect.Micros(stored.UpdatedAt):
		tx.raiseRevision(changes, stored)
	}
	if err := tx.update(ws, stored.ID, changes); err != nil {
		return chat.Conversation{}, err
	}
	if err := tx.rewriteMessages(ws, stored.ID, m); err != nil {
		return chat.Conversation{}, err
	}
	if err := tx.updatePassages(ws, stored, m.Title != stored.Title, m.Outdated, m.Moves); err != nil {
		return chat.Conversation{}, err
	}
	return tx.Conversation(ws, stored.ID)
}

// requeue adds to the changes of a conversation that it must be indexed again: a
// new revision, which ends the claim of whoever is indexing the old one.
func (tx *Tx) requeue(changes map[string]any) {
	changes["revision"] = gorm.Expr("revision + 1")
	changes["index_state"] = string(chat.Queued)
	changes["attempts"] = 0
	changes["run_after"] = dialect.Micros(tx.now)
	changes["index_error"] = ""
}

// raiseRevision adds a new revision to the changes of a conversation whose index stays
// valid: its dates changed, which an export contains and an index does not. A
// conversation that is being indexed is queued again, because its claim ends with the
// old revision.
func (tx *Tx) raiseRevision(changes map[string]any, stored chat.Conversation) {
	if stored.IndexState == chat.Indexing {
		tx.requeue(changes)
		return
	}
	changes["revision"] = gorm.Expr("revision + 1")
	changes["indexed_revision"] = gorm.Expr("CASE WHEN indexed_revision = revision THEN revision + 1 ELSE indexed_revision END")
}

// EditConversation renames or pins; NotFound when the workspace has no such id.
// A new title is indexed, so a renamed conversation is queued again.
func (tx *Tx) EditConversation(ws chat.WorkspaceID, id string, e chat.Edit) (chat.Conversation, error) {
	stored, err := tx.conversation(tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("workspace_id = ? AND id = ?", int64(ws), id))
	if err != nil {
		return chat.Conversation{}, err
	}
	changes := map[string]any{}
	renamed := e.Title != nil && *e.Title != stored.Title
	if renamed {
		changes["title"], changes["title_folded"] = *e.Title, chat.Fold(*e.Title)
		tx.requeue(changes)
	}
	if e.Pinned != nil {
		changes["pinned"] = *e.Pinned
	}
	if err := tx.update(ws, id, changes); err != nil {
		return chat.Conversation{}, err
	}
	if err := tx.updatePassages(ws, stored, renamed, nil, nil); err != nil {
		return chat.Conversation{}, err
	}
	return tx.Conversation(ws, id)
}

func (tx *Tx) update(ws chat.WorkspaceID, id string, changes map[string]any) error {
	if len(changes) == 0 {
		return nil
	}
	return tx.fault(tx.db.Model(&dialect.ConversationRow{}).
		Where("workspace_id = ? AND id = ?", int64(ws), id).Updates(changes).Error)
}

// deleteBatch is how many conversations one statement deletes: so many that more
// make it no faster, and so few that SQLite can hold in memory what it may have to
// undo.
const deleteBatch = 100

// DeleteConversations deletes those of the ids that the workspace has, with
// everything that belongs to them, and returns them in no particular order. One
// kind of statement does it: the schema's foreign keys take messages, chunks and
// vectors along, so nothing that refers to a conversation can be forgotten here.
// The ids must be in canonical form and not repeat. The receipt is written in the
// same transaction; it is the zero value when there was nothing to delete.
func (tx *Tx) DeleteConversations(ws chat.WorkspaceID, ids []string, o chat.DeleteOptions) ([]string, chat.Deletion, error) {
	ids = slices.Sorted(slices.Values(ids)) // two deletes then lock in the same order
	var gone []dialect.ConversationRow
	deleted := []string{}
	for batch := range slices.Chunk(ids, deleteBatch) {
		var rows []dialect.ConversationRow
		err := tx.db.Clauses(clause.Returning{Columns: receiptColumns}).
			Where("workspace_id = ?", int64(ws)).Where(tx.database.LockedIn(ws, batch)).Delete(&rows).Error
		if err != nil {
			return nil, chat.Deletion{}, tx.fault(err)
		}
		for _, row := range rows {
			gone, deleted = append(gone, row), append(deleted, row.ID)
		}
	}
	if len(gone) == 0 {
		return deleted, chat.Deletion{}, nil
	}
	if err := tx.dropEmptied(ws, gone); err != nil {
		return nil, chat.Deletion{}, err
	}
	receipt, err := tx.record(ws, gone, o)
	return deleted, receipt, err
}

// receiptColumns are what a delete returns of the rows that it deleted: their ids and
// places, for the tombstones and what goes with them, and their counts, for the receipt.
var receiptColumns = []clause.Column{
	{Name: "id"}, {Name: "platform"}, {Name: "external_id"}, {Name: "import_id"}, {Name: "last_import_id"}, {Name: "updated_at"}, {Name: "message_count"}, {Name: "chunk_count"}, {Name: "vector_count"},
}
