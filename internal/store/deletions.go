package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

type deletionRow struct {
	WorkspaceID   int64
	ID            chat.DeletionID
	DeletedAt     int64
	KeyID         string
	Conversations int
	Messages      int
	Chunks        int
	Embeddings    int
	ReclaimedAt   *int64
}

func (deletionRow) TableName() string { return "deletions" }

func (r deletionRow) deletion() chat.Deletion {
	return chat.Deletion{
		ID: r.ID, DeletedAt: dialect.FromMicros(r.DeletedAt), KeyID: r.KeyID, Conversations: r.Conversations,
		Messages: r.Messages, Chunks: r.Chunks, Embeddings: r.Embeddings, ReclaimedAt: fromNullMicros(r.ReclaimedAt),
	}
}

type tombstoneRow struct {
	WorkspaceID      int64
	ExternalHash     []byte
	ConversationHash []byte
	DeletionID       chat.DeletionID
	Excluded         bool
	SealedPlace      *int64 // see seal; null in tombstones of older versions
}

func (tombstoneRow) TableName() string { return "tombstones" }

// hashSize is how many bytes of a keyed hash are stored. Two conversations of one
// workspace will not have the same ones.
const hashSize = 16

// keyed hashes an id with a key, so that only this database can recognize the id.
func keyed(secret []byte, kind string, parts ...string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(kind + "\x00" + strings.Join(parts, "\x00"))) // hash.Hash.Write returns no error
	return mac.Sum(nil)
}

func (v *View) externalHash(platform, externalID string) []byte {
	return keyed(v.secret, "external", platform, externalID)[:hashSize]
}

func (v *View) conversationHash(id chat.ConversationID) []byte {
	return keyed(v.secret, "conversation", string(id))[:hashSize]
}

// seal encrypts a number so that only somebody who knows the conversation's id can read
// it, and the database alone is not enough. Sealing again decrypts. The key is the part
// of the id's keyed hash that no tombstone stores; without the id it is indistinguishable
// from random. A conversation is deleted once, so no key is used twice.
func (v *View) seal(id chat.ConversationID, number int64) int64 {
	return number ^ int64(binary.BigEndian.Uint64(keyed(v.secret, "conversation", string(id))[hashSize:])) //nolint:gosec // all 64 bits are needed
}

// lastPlace is the place of a conversation when it was deleted.
func (v *View) lastPlace(ws chat.WorkspaceID, id chat.ConversationID) (chat.Place, error) {
	sealed, err := one[int64](v, v.db.Model(&tombstoneRow{}).Select("sealed_place").
		Where("workspace_id = ? AND conversation_hash = ? AND sealed_place IS NOT NULL", int64(ws), v.conversationHash(id)),
		fault.Missing("conversation"))
	if err != nil {
		return chat.Place{}, err
	}
	return chat.Place{At: dialect.FromMicros(v.seal(id, sealed)), ID: id}, nil
}

// record writes the receipt of a delete and the tombstones of the deleted conversations,
// in the transaction of the delete.
func (tx *Tx) record(ws chat.WorkspaceID, deleted []dialect.ConversationRow, o chat.DeleteOptions) (chat.Deletion, error) {
	receipt := tx.receipt(ws, o)
	receipt.Conversations = len(deleted)
	tombstones := make([]tombstoneRow, len(deleted))
	for i, c := range deleted {
		receipt.Messages += c.MessageCount
		receipt.Chunks += c.ChunkCount
		receipt.Embeddings += c.VectorCount
		tombstones[i] = tombstoneRow{
			WorkspaceID: int64(ws), ExternalHash: tx.externalHash(c.Platform, c.ExternalID),
			ConversationHash: tx.conversationHash(c.ID), DeletionID: receipt.ID, Excluded: o.Exclude,
			SealedPlace: new(tx.seal(c.ID, c.UpdatedAt)),
		}
	}
	if err := tx.db.Create(&receipt).Error; err != nil || len(tombstones) == 0 {
		return receipt.deletion(), tx.fault(err)
	}
	err := tx.db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "workspace_id"}, {Name: "external_hash"}},
		DoUpdates: clause.AssignmentColumns([]string{"conversation_hash", "deletion_id", "excluded", "sealed_place"}),
	}).CreateInBatches(tombstones, tombstoneBatch).Error
	if err != nil {
		return chat.Deletion{}, tx.fault(err)
	}
	hashes := make([][]byte, len(tombstones))
	for i, t := range tombstones {
		hashes[i] = t.ConversationHash
	}
	return receipt.deletion(), tx.owe(DeletedConversation, hashes)
}

// receipt is a new receipt of a delete of nothing.
func (tx *Tx) receipt(ws chat.WorkspaceID, o chat.DeleteOptions) deletionRow {
	return deletionRow{WorkspaceID: int64(ws), ID: chat.DeletionID(chat.NewID()), DeletedAt: dialect.Micros(tx.now), KeyID: o.KeyID}
}

// tombstoneBatch is how many tombstones one INSERT carries.
const tombstoneBatch = 500

// Deletions returns one page of a workspace's receipts, newest first, and the number of
// all receipts.
func (v *View) Deletions(ws chat.WorkspaceID, page, pageSize int) ([]chat.Deletion, int, error) {
	var total int64
	if err := v.deletions(ws).Count(&total).Error; err != nil {
		return nil, 0, v.fault(err)
	}
	var rows []deletionRow
	err := v.deletions(ws).Order("deleted_at DESC, id DESC").Limit(pageSize).Offset((page - 1) * pageSize).Find(&rows).Error
	items := make([]chat.Deletion, len(rows))
	for i, r := range rows {
		items[i] = r.deletion()
	}
	return items, int(total), v.fault(err)
}

// Deletion returns one receipt. NotFound when the workspace has no receipt with this id.
func (v *View) Deletion(ws chat.WorkspaceID, id chat.DeletionID) (chat.Deletion, error) {
	row, err := one[deletionRow](v, v.deletions(ws).Where("id = ?", id), fault.Missing("deletion"))
	if err != nil {
		return chat.Deletion{}, err
	}
	return row.deletion(), nil
}

func (v *View) deletions(ws chat.WorkspaceID) *gorm.DB {
	return v.db.Model(&deletionRow{}).Where("workspace_id = ?", int64(ws))
}

// Tombstoned reports whether the conversation with this external id was deleted, and
// whether uploads of it are refused.
func (v *View) Tombstoned(ws chat.WorkspaceID, platform, externalID string) (deleted, excluded bool, err error) {
	row, deleted, err := first[tombstoneRow](v, v.db.
		Where("workspace_id = ? AND external_hash = ?", int64(ws), v.externalHash(platform, externalID)))
	return deleted, row.Excluded, err
}

// TombstonedAmong returns which of the conversations were deleted.
func (v *View) TombstonedAmong(ws chat.WorkspaceID, origins []chat.Origin) (map[chat.Origin]bool, error) {
	deleted := map[chat.Origin]bool{}
	for batch := range slices.Chunk(origins, idBatch) {
		named := make(map[string]chat.Origin, len(batch)) // by hash
		hashes := make([][]byte, len(batch))
		for i, o := range batch {
			hashes[i] = v.externalHash(o.Platform, o.ExternalID)
			named[string(hashes[i])] = o
		}
		var rows []tombstoneRow
		err := v.db.Select("external_hash").Where("workspace_id = ? AND external_hash IN ?", int64(ws), hashes).Find(&rows).Error
		if err != nil {
			return nil, v.fault(err)
		}
		for _, r := range rows {
			deleted[named[string(r.ExternalHash)]] = true
		}
	}
	return deleted, nil
}

// RemoveTombstone removes the record that a conversation was deleted, and with it an
// exclusion.
func (tx *Tx) RemoveTombstone(ws chat.WorkspaceID, platform, externalID string) error {
	return tx.fault(tx.db.Where("workspace_id = ? AND external_hash = ?", int64(ws), tx.externalHash(platform, externalID)).
		Delete(&tombstoneRow{}).Error)
}

// LiftExclusions allows uploads of excluded conversations again, and returns how many
// were excluded. The tombstones stay, so an import still skips these conversations. The
// ids must be in canonical form.
func (tx *Tx) LiftExclusions(ws chat.WorkspaceID, l chat.Lift) (int, error) {
	hashes := map[string][][]byte{}
	for _, id := range l.IDs {
		hashes["conversation_hash"] = append(hashes["conversation_hash"], tx.conversationHash(id))
	}
	for _, id := range l.ExternalIDs {
		hashes["external_hash"] = append(hashes["external_hash"], tx.externalHash(l.Platform, id))
	}
	lifted := 0
	for _, column := range []string{"conversation_hash", "external_hash"} {
		for batch := range slices.Chunk(hashes[column], tombstoneBatch) {
			res := tx.db.Model(&tombstoneRow{}).Where("workspace_id = ? AND excluded = ?", int64(ws), true).
				Where(column+" IN ?", batch).Update("excluded", false)
			if res.Error != nil {
				return 0, tx.fault(res.Error)
			}
			lifted += int(res.RowsAffected)
		}
	}
	return lifted, nil
}

func (s *Store) unreclaimed(db *gorm.DB) (count int, chunks int64, oldest time.Time, err error) {
	var row struct {
		N      int
		Chunks int64
		Oldest int64
	}
	err = db.Model(&deletionRow{}).Select("count(*) AS n, coalesce(sum(chunks + messages), 0) AS chunks, coalesce(min(deleted_at), 0) AS oldest").
		Where("reclaimed_at IS NULL").Scan(&row).Error
	return row.N, row.Chunks, dialect.FromMicros(row.Oldest), err
}
