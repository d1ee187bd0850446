package store

import (
	"cmp"
	"crypto/hmac"
	"maps"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Conversation returns one conversation without its messages. NotFound when the workspace
// has no conversation with this id. The id must be in canonical form.
func (v *View) Conversation(ws chat.WorkspaceID, id chat.ConversationID) (chat.Conversation, error) {
	return v.conversation(v.db.Where("workspace_id = ? AND id = ?", int64(ws), id))
}

// Transcript returns a conversation with its messages in order. NotFound when the
// workspace has no conversation with this id.
func (v *View) Transcript(ws chat.WorkspaceID, id chat.ConversationID) (chat.Transcript, error) {
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

// Conversations returns one page of the conversations, ordered by last update and id,
// newest first, and the number of conversations that match the filter.
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

// ConversationsAfter returns up to n conversations that match the filter, ordered by id,
// which is the order of their creation. It begins after the given id, or at the first one
// when after is empty.
func (v *View) ConversationsAfter(ws chat.WorkspaceID, f chat.Filter, after chat.ConversationID, n int) ([]chat.Conversation, error) {
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

// CountMatching returns how many conversations match the filter.
func (v *View) CountMatching(ws chat.WorkspaceID, f chat.Filter) (int, error) {
	var n int64
	err := v.filtered(ws, f).Count(&n).Error
	return int(n), v.fault(err)
}

// LockMatching locks the conversations that match the filter until the transaction ends,
// and returns their ids. It locks in id order, as deletes do. The caller can then delete
// exactly what it has counted.
func (tx *Tx) LockMatching(ws chat.WorkspaceID, f chat.Filter) ([]chat.ConversationID, error) {
	ids := []chat.ConversationID{}
	err := tx.filtered(ws, f).Clauses(clause.Locking{Strength: "UPDATE"}).
		Order("conversations.id").Pluck("conversations.id", &ids).Error
	return ids, tx.fault(err)
}

func (v *View) filtered(ws chat.WorkspaceID, f chat.Filter) *gorm.DB {
	return dialect.Filtered(v.db, ws, f)
}

// knownText is the largest text of a conversation, in bytes, that is loaded for a merge.
// Longer texts are abridged, in pages of this size. Smaller pages would take longer,
// because PostgreSQL decompresses a whole text to return a piece of it.
const knownText = 4 << 20

// ByOrigin returns the conversation with the caller's own id. NotFound when it does not
// exist.
func (v *View) ByOrigin(ws chat.WorkspaceID, o chat.Origin) (chat.Conversation, error) {
	return v.conversation(v.atOrigin(ws, o))
}

// LockByOrigin is ByOrigin, and locks the conversation until the transaction ends.
func (tx *Tx) LockByOrigin(ws chat.WorkspaceID, o chat.Origin) (chat.Conversation, error) {
	return tx.conversation(tx.atOrigin(ws, o).Clauses(clause.Locking{Strength: "UPDATE"}))
}

func (v *View) atOrigin(ws chat.WorkspaceID, o chat.Origin) *gorm.DB {
	return v.db.Where("workspace_id = ? AND platform = ? AND external_id = ?", int64(ws), o.Platform, o.ExternalID)
}

// ShortTurns returns the messages of a conversation from a position on with their whole
// texts, or false if these have more than 4 MiB. Then use AbridgedTurns.
func (v *View) ShortTurns(ws chat.WorkspaceID, conversation chat.ConversationID, from int) (turns []chat.Message, short bool, err error) {
	parts, last, err := v.Parts(ws, conversation, chat.PartAt{Position: from}, knownText)
	if err != nil || !last {
		return nil, false, err
	}
	turns = make([]chat.Message, len(parts))
	for i, part := range parts {
		turns[i] = part.Message
	}
	return turns, true, nil
}

// AbridgedTurns returns the messages of a conversation from a position on with abridged
// texts, for chat.MergeAbridged. It reads the whole texts, which takes seconds for a very long
// conversation.
func (v *View) AbridgedTurns(ws chat.WorkspaceID, conversation chat.ConversationID, from int) (turns []chat.Message, err error) {
	var text chat.Abridger
	at := chat.PartAt{Position: from}
	for last := false; !last; {
		var parts []chat.Part
		if parts, last, err = v.Parts(ws, conversation, at, knownText); err != nil {
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

// CreateConversation stores a new conversation with its messages and queues it for
// indexing. It stores nothing and returns false when another transaction has already
// stored this external id: lock that conversation and merge.
func (tx *Tx) CreateConversation(ws chat.WorkspaceID, t chat.Transcript) (bool, error) {
	made, err := tx.CreateConversations(ws, []chat.Transcript{t})
	return len(made) > 0, err
}

// conversationBatch is how many conversations one INSERT carries. Each has about thirty
// values; SQLite binds up to 32,766.
const conversationBatch = 100

// CreateConversations is CreateConversation for many. It returns the ids of those that it
// stored. Of two with the same external id it stores the first.
func (tx *Tx) CreateConversations(ws chat.WorkspaceID, fresh []chat.Transcript) (map[chat.ConversationID]bool, error) {
	rows := make([]dialect.ConversationRow, len(fresh))
	for i, t := range fresh {
		rows[i] = tx.queuedRow(ws, t)
	}
	// Transactions that create the same conversations then collide at the first of them,
	// and cannot deadlock.
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
		Archived: t.Source.Archived, Starred: t.Source.Starred, Project: t.Source.Project, Link: t.Source.Link, Delivered: tx.deliveredHash(t.ID, t.Sum),
	}
}

// thoseStored returns which of the rows were stored, when the INSERT has stored some.
func (tx *Tx) thoseStored(ws chat.WorkspaceID, rows []dialect.ConversationRow, stored int) (map[chat.ConversationID]bool, error) {
	made := make(map[chat.ConversationID]bool, stored)
	if stored == len(rows) {
		for _, r := range rows {
			made[r.ID] = true
		}
		return made, nil
	}
	// Another transaction has given the other conversations its own ids.
	for batch := range slices.Chunk(rows, idBatch) {
		asked, there := make([]chat.ConversationID, len(batch)), []chat.ConversationID{}
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

// idBatch is how many ids one query contains.
const idBatch = 1000

// TakeBack removes a conversation that this transaction has created. Nobody else has seen
// it, so this is no delete and has no receipt.
func (tx *Tx) TakeBack(ws chat.WorkspaceID, id chat.ConversationID) error {
	return tx.fault(tx.db.Where("workspace_id = ? AND id = ?", int64(ws), id).Delete(&dialect.ConversationRow{}).Error)
}

// LockDelivery makes transactions that write many conversations of one workspace run one
// after the other. They lock several conversations in an order that they cannot choose,
// so two of them could deadlock. Other transactions do not wait. Conflict when the
// workspace was deleted.
func (tx *Tx) LockDelivery(ws chat.WorkspaceID) error {
	// This lock allows inserts of rows that reference the workspace, because they need
	// only its key.
	_, err := one[workspaceRow](&tx.View, tx.db.Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).Where("id = ?", int64(ws)),
		fault.New(fault.Conflict, "the workspace was deleted meanwhile"))
	return err
}

// Known is what LockKnown tells of a conversation.
type Known struct {
	ID   chat.ConversationID // empty when it was deleted
	Told bool                // an import sent it last, and nothing changed since
	Same bool                // and that import sent the same
}

// LockKnown returns which of the conversations are stored or were deleted. The stored
// ones are locked until the transaction ends. There may be at most 1,000 origins. sums has
// the checksum of what is sent of each.
func (tx *Tx) LockKnown(ws chat.WorkspaceID, origins []chat.Origin, sums []chat.UploadSum) (map[chat.Origin]Known, error) {
	deleted, err := tx.TombstonedAmong(ws, origins)
	if err != nil {
		return nil, err
	}
	known := make(map[chat.Origin]Known, len(deleted))
	for o := range deleted {
		known[o] = Known{}
	}
	sent := make(map[chat.Origin]chat.UploadSum, len(origins))
	for i, o := range origins {
		if _, twice := sent[o]; twice { // of two, the later wins, and neither can be left out
			sent[o] = chat.UploadSum{}
			continue
		}
		sent[o] = sums[i]
	}
	// SQLite answers one query for several platforms by reading the whole workspace.
	ids, err := tx.idsAt(ws, origins)
	if err != nil {
		return nil, err
	}
	var stored []dialect.ConversationRow
	err = tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id", "platform", "external_id", "delivered").
		Where("workspace_id = ? AND id IN ?", int64(ws), slices.Sorted(maps.Values(ids))).
		Order("id"). // the lock order of deletes
		Find(&stored).Error
	for _, c := range stored {
		o := chat.Origin{Platform: c.Platform, ExternalID: c.ExternalID}
		hash := tx.deliveredHash(c.ID, sent[o])
		known[o] = Known{ID: c.ID, Told: len(c.Delivered) > 0, Same: hash != nil && hmac.Equal(hash, c.Delivered)}
	}
	return known, tx.fault(err)
}

// RememberDelivery records what an import sent of a conversation that it leaves as it is.
func (tx *Tx) RememberDelivery(ws chat.WorkspaceID, id chat.ConversationID, sum chat.UploadSum) error {
	return tx.update(ws, id, map[string]any{"delivered": tx.deliveredHash(id, sum)})
}

// deliveredHash is the keyed hash of what an import sent of a conversation; nil when that is
// not known. The key keeps others from testing a guess of a text against it.
func (v *View) deliveredHash(id chat.ConversationID, sum chat.UploadSum) []byte {
	if sum.IsZero() {
		return nil
	}
	return keyed(v.secret, "delivered", string(id), string(sum[:]))[:hashSize]
}

// UpdateConversation stores the result of a merge. If messages or the title changed, it
// queues the conversation for indexing. ImportID stays the import that created the
// conversation; importID is the one that sent it now.
func (tx *Tx) UpdateConversation(ws chat.WorkspaceID, stored chat.Conversation, m chat.Merged, importID string) (chat.Conversation, error) {
	changes := map[string]any{
		"title": m.Title, "title_folded": chat.Fold(m.Title), "last_import_id": importID,
		"created_at": dialect.Micros(m.CreatedAt), "updated_at": dialect.Micros(m.UpdatedAt), "pinned": m.Pinned,
		"archived": m.Source.Archived, "starred": m.Source.Starred, "project": m.Source.Project, "link": m.Source.Link,
		"delivered": tx.deliveredHash(stored.ID, m.Sum),
	}
	if m.Changed() {
		changes["message_count"] = m.Count()
	}
	switch {
	case m.Changed() || m.Title != stored.Title:
		tx.requeue(changes)
	case len(m.Edited) > 0 || !m.Source.Equal(stored.Source) ||
		dialect.Micros(m.CreatedAt) != dialect.Micros(stored.CreatedAt) || dialect.Micros(m.UpdatedAt) != dialect.Micros(stored.UpdatedAt):
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

// requeue adds the changes that queue a conversation for indexing. The new revision ends
// any claim on the old one.
func (tx *Tx) requeue(changes map[string]any) {
	changes["revision"] = gorm.Expr("revision + 1")
	changes["index_state"] = string(chat.Queued)
	changes["attempts"] = 0
	changes["run_after"] = dialect.Micros(tx.now)
	changes["index_error"] = ""
}

// raiseRevision adds a new revision to the changes of a conversation whose index stays
// valid: dates, marks or what its source says changed, which an export contains and an
// index does not. A
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

// EditConversation renames or pins. NotFound when the workspace has no conversation with
// this id. A renamed conversation is queued, because its title is indexed.
func (tx *Tx) EditConversation(ws chat.WorkspaceID, id chat.ConversationID, e chat.Edit) (chat.Conversation, error) {
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

// update changes a conversation. Unless the change is what an import delivered, the next
// delivery of it must be merged again, also if it says the same as the last one.
func (tx *Tx) update(ws chat.WorkspaceID, id chat.ConversationID, changes map[string]any) error {
	if len(changes) == 0 {
		return nil
	}
	if _, delivered := changes["delivered"]; !delivered {
		changes["delivered"] = nil
	}
	return tx.fault(tx.db.Model(&dialect.ConversationRow{}).
		Where("workspace_id = ? AND id = ?", int64(ws), id).Updates(changes).Error)
}

// deleteBatch is how many conversations one statement deletes. More are not faster, and
// SQLite keeps in memory what a statement may have to undo.
const deleteBatch = 100

// DeleteConversations deletes the conversations with these ids that the workspace has,
// with everything that belongs to them, and returns their ids in no particular order. The
// schema's foreign keys delete messages, chunks and vectors, so no table can be forgotten
// here. The ids must be in canonical form and unique. The receipt is written in the same
// transaction; it is the zero value when nothing was deleted.
func (tx *Tx) DeleteConversations(ws chat.WorkspaceID, ids []chat.ConversationID, o chat.DeleteOptions) ([]chat.ConversationID, chat.Deletion, error) {
	ids = slices.Sorted(slices.Values(ids)) // so that two deletes lock in the same order
	var deleted []dialect.ConversationRow
	deletedIDs := []chat.ConversationID{}
	thin := tx.database.Abilities().Thin
	for batch := range slices.Chunk(ids, deleteBatch) {
		if thin != nil {
			if err := thin(tx.db, ws, batch); err != nil {
				return nil, chat.Deletion{}, tx.fault(err)
			}
		}
		var rows []dialect.ConversationRow
		err := tx.db.Clauses(clause.Returning{Columns: receiptColumns}).
			Where("workspace_id = ?", int64(ws)).Where(tx.database.LockedIn(ws, batch)).Delete(&rows).Error
		if err != nil {
			return nil, chat.Deletion{}, tx.fault(err)
		}
		for _, row := range rows {
			deleted, deletedIDs = append(deleted, row), append(deletedIDs, row.ID)
		}
	}
	if len(deleted) == 0 {
		return deletedIDs, chat.Deletion{}, nil
	}
	if err := tx.dropEmptied(ws, deleted); err != nil {
		return nil, chat.Deletion{}, err
	}
	receipt, err := tx.record(ws, deleted, o)
	return deletedIDs, receipt, err
}

// receiptColumns are the columns of the deleted rows that the receipt, the tombstones and
// dropEmptied need.
var receiptColumns = []clause.Column{
	{Name: "id"}, {Name: "platform"}, {Name: "external_id"}, {Name: "import_id"}, {Name: "last_import_id"}, {Name: "updated_at"}, {Name: "message_count"}, {Name: "chunk_count"}, {Name: "vector_count"},
}
