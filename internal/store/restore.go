package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// This file writes the records of an export of everything as they were, with their ids. Each
// of its methods may be called again with the same records, so that an interrupted restore can
// be repeated.

// The rows of secrets.
const (
	tombstoneKey = "tombstones"
	openRestore  = "restore" // the id of the file of a restore that has not come to its end
)

// OthersAlive reports whether another program shows that it uses the database.
func (s *Store) OthersAlive(ctx context.Context) (bool, error) {
	ctx, cancel := s.config.Bounded(ctx)
	defer cancel()
	numbers, err := s.database.Alive(ctx)
	return len(slices.DeleteFunc(numbers, func(n int64) bool { return n == s.instance })) > 0, s.fault(err)
}

// AdoptTombstoneKey makes the key of another database's tombstones this one's. The tombstones of
// this database would become unreadable, so it is a Conflict if there are any. It is also a
// Conflict while another program uses the database, because that program knows the old key. Other
// programs that start afterwards use the new key.
func (s *Store) AdoptTombstoneKey(ctx context.Context, key []byte) error {
	if bytes.Equal(key, s.tombstoneKey()) {
		return nil
	}
	if err := s.aloneForKey(ctx); err != nil {
		return err
	}
	err := s.InTx(ctx, func(tx *Tx) error {
		state, err := tx.Ledger()
		if err != nil {
			return err
		}
		if state.Attached {
			return fault.New(fault.Conflict, "this database has a ledger of deletes, which belongs to its own key; restore into a new database, before a service has used it")
		}
		if err := tx.setSecret(tombstoneKey, key); err != nil {
			return err
		}
		var found int
		if err := tx.db.Raw("SELECT count(*) FROM (SELECT 1 FROM tombstones LIMIT 1) AS found").Scan(&found).Error; err != nil || found == 0 {
			return tx.fault(err)
		}
		return fault.New(fault.Conflict, "this database has records of deleted conversations, which are hashed with another key than those of the file, "+
			"so the two cannot be joined; restore into a new database")
	})
	if err != nil {
		return err
	}
	s.secret.Store(&key)
	return s.aloneForKey(ctx) // one that started meanwhile may know the old key
}

func (s *Store) aloneForKey(ctx context.Context) error {
	others, err := s.OthersAlive(ctx)
	if err == nil && others {
		err = fault.New(fault.Conflict, "a service runs on this database, and hashes deleted conversations with another key than that of the file; "+
			"stop the service, restore again, and start it then")
	}
	return err
}

// rereadKey reads the key of tombstones again.
func (s *Store) rereadKey(ctx context.Context) error {
	key, err := s.View(ctx).secretValue(tombstoneKey)
	if err == nil && len(key) == 0 {
		err = fault.New(fault.Internal, "the database has no key for its records of deleted conversations")
	}
	if err == nil {
		s.secret.Store(&key)
	}
	return err
}

func (s *Store) tombstoneKey() []byte {
	if key := s.secret.Load(); key != nil {
		return *key
	}
	return nil
}

type secretRow struct {
	Name  string
	Value []byte
}

func (secretRow) TableName() string { return "secrets" }

func (v *View) secretValue(name string) ([]byte, error) {
	row, _, err := first[secretRow](v, v.db.Where("name = ?", name))
	return row.Value, err
}

func (tx *Tx) setSecret(name string, value []byte) error {
	return tx.fault(tx.db.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"value"}),
	}).Create(&secretRow{Name: name, Value: value}).Error)
}

// OpenRestore returns the id of the file whose restore has begun and not ended; empty for none.
func (v *View) OpenRestore() (string, error) {
	id, err := v.secretValue(openRestore)
	return string(id), err
}

// BeginRestore records that the restore of a file has begun.
func (tx *Tx) BeginRestore(file string) error { return tx.setSecret(openRestore, []byte(file)) }

// EndRestore records that the restore has come to its end.
func (tx *Tx) EndRestore() error {
	return tx.fault(tx.db.Where("name = ?", openRestore).Delete(&secretRow{}).Error)
}

// RestoreWorkspace returns the workspace with this name, which is created if it does not exist,
// and gives it the time at which it was created.
func (tx *Tx) RestoreWorkspace(name string, created time.Time) (chat.WorkspaceID, error) {
	ws, err := tx.EnsureWorkspace(name)
	if err != nil {
		return 0, err
	}
	err = tx.db.Model(&workspaceRow{}).Where("id = ?", int64(ws)).Update("created_at", dialect.Micros(created)).Error
	return ws, tx.fault(err)
}

// RestoreDeletedWorkspace returns the number of a workspace that does not exist and never will,
// for the receipts of a workspace that was deleted. If the database has the receipt already, it is
// the number that the receipt has.
func (tx *Tx) RestoreDeletedWorkspace(receipt chat.DeletionID) (chat.WorkspaceID, error) {
	row, found, err := first[deletionRow](&tx.View, tx.db.Where("id = ?", receipt))
	if err != nil || found {
		return chat.WorkspaceID(row.WorkspaceID), err
	}
	ws, err := tx.CreateWorkspace(chat.NewID())
	if err != nil {
		return 0, err
	}
	return ws, tx.fault(tx.db.Where("id = ?", int64(ws)).Delete(&workspaceRow{}).Error)
}

// RestoreConversations stores conversations with their first messages as they were, and queues
// them for indexing. One that is stored already stays as it is. If the workspace has another
// conversation with the same external id, the one that was created later stays.
func (tx *Tx) RestoreConversations(ws chat.WorkspaceID, parts []chat.StoredPart) error {
	if len(parts) == 0 {
		return nil
	}
	if err := tx.LockDelivery(ws); err != nil {
		return err
	}
	missing, err := tx.missing(ws, parts)
	if err != nil {
		return err
	}
	rows := make([]dialect.ConversationRow, len(missing))
	fresh := make([]chat.Transcript, len(missing))
	for i, p := range missing {
		rows[i], fresh[i] = tx.queuedRow(ws, p.Transcript), p.Transcript
		rows[i].LastImportID, rows[i].Revision = cmp.Or(p.LastImportID, p.ImportID), p.Revision
	}
	if err := dialect.InsertInBatches(tx.db, rows, conversationBatch); err != nil {
		return tx.fault(err)
	}
	return tx.insertMessages(ws, fresh...)
}

// missing returns which conversations have to be stored, and removes older ones with the same
// external id.
func (tx *Tx) missing(ws chat.WorkspaceID, parts []chat.StoredPart) ([]chat.StoredPart, error) {
	origins, latest := make([]chat.Origin, 0, len(parts)), map[chat.Origin]chat.ConversationID{}
	for _, p := range parts {
		o := chat.Origin{Platform: p.Platform, ExternalID: p.ExternalID}
		origins, latest[o] = append(origins, o), max(latest[o], p.ID)
	}
	stored, err := tx.idsAt(ws, origins)
	if err != nil {
		return nil, err
	}
	for o, id := range stored {
		if id < latest[o] {
			if err := tx.takeBack(ws, id); err != nil {
				return nil, err
			}
		} else {
			latest[o] = "" // it is here, or a later one is
		}
	}
	return slices.DeleteFunc(slices.Clone(parts), func(p chat.StoredPart) bool {
		return latest[chat.Origin{Platform: p.Platform, ExternalID: p.ExternalID}] != p.ID
	}), nil
}

// idsAt returns the ids of the conversations at these origins.
func (tx *Tx) idsAt(ws chat.WorkspaceID, origins []chat.Origin) (map[chat.Origin]chat.ConversationID, error) {
	ids := make(map[chat.Origin]chat.ConversationID, len(origins))
	named := map[string][]string{} // by platform
	for _, o := range origins {
		named[o.Platform] = append(named[o.Platform], o.ExternalID)
	}
	for platform, external := range named {
		for batch := range slices.Chunk(external, idBatch) {
			var rows []dialect.ConversationRow
			err := tx.db.Select("id", "platform", "external_id").
				Where("workspace_id = ? AND platform = ? AND external_id IN ?", int64(ws), platform, batch).Find(&rows).Error
			if err != nil {
				return nil, tx.fault(err)
			}
			for _, r := range rows {
				ids[chat.Origin{Platform: r.Platform, ExternalID: r.ExternalID}] = r.ID
			}
		}
	}
	return ids, nil
}

// takeBack removes a conversation that the file also says was deleted or replaced, with the
// records that only it used. The file has the receipt.
func (tx *Tx) takeBack(ws chat.WorkspaceID, id chat.ConversationID) error {
	var rows []dialect.ConversationRow
	err := tx.db.Clauses(clause.Returning{Columns: receiptColumns}).
		Where("workspace_id = ? AND id = ?", int64(ws), id).Delete(&rows).Error
	if err != nil || len(rows) == 0 {
		return tx.fault(err)
	}
	return tx.dropEmptied(ws, rows)
}

// RestoreMessages stores further messages of a long conversation, those from the position
// p.From on. If the conversation is not stored, or has them, nothing is done. Invalid when
// messages before them are missing.
func (tx *Tx) RestoreMessages(ws chat.WorkspaceID, p chat.StoredPart) error {
	stored, found, err := first[dialect.ConversationRow](&tx.View, tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).
		Select("id", "message_count").Where("workspace_id = ? AND id = ?", int64(ws), p.ID))
	switch {
	case err != nil:
		return err
	case !found, stored.MessageCount >= p.From+len(p.Turns):
		return nil
	case stored.MessageCount != p.From:
		return fault.Invalidf("%d messages of a conversation are followed by the one at position %d; the file is damaged", stored.MessageCount, p.From)
	}
	if err := tx.insertMessages(ws, p.Transcript); err != nil {
		return err
	}
	changes := map[string]any{"message_count": p.From + len(p.Turns)}
	tx.requeue(changes)
	changes["revision"] = p.Revision
	return tx.update(ws, p.ID, changes)
}

// RestoreImport stores the record of an import. One that was running counts as stopped.
func (tx *Tx) RestoreImport(ws chat.WorkspaceID, i chat.Import) error {
	row := importRow{
		WorkspaceID: int64(ws), ID: i.ID, Kind: i.Kind, CreatedAt: dialect.Micros(i.CreatedAt), State: string(i.State), Reason: i.Error,
		FileName: i.FileName, FileSize: i.FileSize, Format: i.Format, BytesRead: i.BytesRead, Restores: i.Restores, Part: i.Part,
	}
	counts := i.Counts
	counts.Failed -= i.Report.Unread // the report counts these
	row.count(counts)
	row.name(i.Platforms)
	row.Platform, row.Conversations, row.Messages, row.Report = i.Platform, i.Conversations, i.Messages, encodeReport(i.Report)
	switch {
	case i.State == chat.StateDone:
		row.State = stored
	case i.State.Running():
		row.State, row.Reason = string(chat.StateStopped), "it was running when the database was exported"
		i.EndedAt = tx.now
	}
	if i.ConversationID != "" {
		row.ConversationID = &i.ConversationID
	}
	if !i.EndedAt.IsZero() {
		row.EndedAt = new(dialect.Micros(i.EndedAt))
	}
	return restore(tx, []importRow{row})
}

// RestoreDeletions stores receipts.
func (tx *Tx) RestoreDeletions(ws chat.WorkspaceID, receipts []chat.Deletion) error {
	rows := make([]deletionRow, len(receipts))
	for i, d := range receipts {
		rows[i] = deletionRow{
			WorkspaceID: int64(ws), ID: d.ID, DeletedAt: dialect.Micros(d.DeletedAt), KeyID: d.KeyID, Conversations: d.Conversations,
			Messages: d.Messages, Chunks: d.Chunks, Embeddings: d.Embeddings,
		}
		if d.ReclaimedAt != nil {
			rows[i].ReclaimedAt = new(dialect.Micros(*d.ReclaimedAt))
		}
	}
	return restore(tx, rows)
}

// RestoreTombstones stores tombstones. The database must have the key of their hashes.
func (tx *Tx) RestoreTombstones(ws chat.WorkspaceID, tombstones []chat.Tombstone) error {
	rows := make([]tombstoneRow, len(tombstones))
	for i, t := range tombstones {
		rows[i] = tombstoneRow{
			WorkspaceID: int64(ws), ExternalHash: t.ExternalHash, ConversationHash: t.ConversationHash,
			DeletionID: t.DeletionID, Excluded: t.Excluded, SealedPlace: t.SealedPlace,
		}
	}
	return restore(tx, rows)
}

// restore inserts rows. Those that are there already stay.
func restore[R any](tx *Tx, rows []R) error {
	return tx.fault(dialect.InsertInBatches(tx.db.Clauses(clause.OnConflict{DoNothing: true}), rows, tombstoneBatch))
}

// TakeBackDeleted removes conversations that have a tombstone, because they were deleted while
// the file was written. It looks at up to n conversations after the given id, and returns the id
// of the last one; empty when there are no more.
func (tx *Tx) TakeBackDeleted(ws chat.WorkspaceID, after chat.ConversationID, n int) (chat.ConversationID, error) {
	ids := []chat.ConversationID{}
	err := following(tx.db.Model(&dialect.ConversationRow{}).Where("workspace_id = ?", int64(ws)), "id", after).
		Order("id").Limit(n).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return "", tx.fault(err)
	}
	hashes, byHash := make([][]byte, len(ids)), make(map[string]chat.ConversationID, len(ids))
	for i, id := range ids {
		hashes[i] = tx.conversationHash(id)
		byHash[string(hashes[i])] = id
	}
	var rows []tombstoneRow
	for batch := range slices.Chunk(hashes, idBatch) {
		var some []tombstoneRow
		if err := tx.tombstones(ws).Select("conversation_hash").Where("conversation_hash IN ?", batch).Find(&some).Error; err != nil {
			return "", tx.fault(err)
		}
		rows = append(rows, some...)
	}
	for _, r := range rows {
		if err := tx.takeBack(ws, byHash[string(r.ConversationHash)]); err != nil {
			return "", err
		}
	}
	return ids[len(ids)-1], nil
}
