package store

import (
	"context"
	"crypto/hmac"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// KeyedRequest is a request that its sender may send again with the same idempotency key.
type KeyedRequest struct {
	KeyID string   // the API key of the sender
	Key   string   // the idempotency key
	Sum   [32]byte // the checksum of what is requested
}

// Outcome is what answers a request again.
type Outcome struct {
	Deletion     chat.DeletionID     // the receipt; empty when nothing was deleted
	Deleted      []byte              // of a delete by ids: one bit for each id
	ImportID     string              // of an upload; empty when its conversation was deleted since
	Conversation chat.ConversationID // of an upload, like ImportID
}

type idempotencyRow struct {
	WorkspaceID int64
	KeyID       string
	KeyHash     []byte
	RequestHash []byte
	Number      int64
	UsedAt      int64
	DeletionID  *chat.DeletionID
	Deleted     []byte
}

func (idempotencyRow) TableName() string { return "idempotency_keys" }

type idempotentUploadRow struct {
	WorkspaceID    int64
	KeyID          string
	KeyHash        []byte
	ImportID       string
	ConversationID chat.ConversationID
}

func (idempotentUploadRow) TableName() string { return "idempotent_uploads" }

// keyHash hashes an idempotency key, and requestHash the key with the request: nobody can test a
// guess of the request against it without the key.
func (v *View) keyHash(r KeyedRequest) []byte {
	return keyed(v.secret, "idempotency key", r.KeyID, r.Key)[:hashSize]
}

func (v *View) requestHash(r KeyedRequest) []byte {
	return keyed(v.secret, "idempotent request", r.KeyID, r.Key, string(r.Sum[:]))[:hashSize]
}

func (v *View) keyedRequest(ws chat.WorkspaceID, r KeyedRequest) *gorm.DB {
	return v.db.Where("workspace_id = ? AND key_id = ? AND key_hash = ?", int64(ws), r.KeyID, v.keyHash(r))
}

// BeginKeyed begins a request with an idempotency key. If the same request was done before, done
// is true and the outcome answers it. Otherwise the transaction does the request and calls EndKeyed.
// A transaction of another program with the same key waits until this one has ended. A key is
// forgotten after chat.IdempotencyKeyLife, and when the API key has used chat.MaxIdempotencyKeys
// newer ones. Mismatch when the key was used for another request.
func (tx *Tx) BeginKeyed(ws chat.WorkspaceID, r KeyedRequest) (o Outcome, done bool, err error) {
	expired := dialect.Micros(tx.now.Add(-chat.IdempotencyKeyLife))
	if err := tx.keyedRequest(ws, r).Where("used_at <= ?", expired).Delete(&idempotencyRow{}).Error; err != nil {
		return Outcome{}, false, tx.fault(err)
	}
	number, err := tx.nextNumber(ws, r.KeyID)
	if err != nil {
		return Outcome{}, false, err
	}
	row := idempotencyRow{
		WorkspaceID: int64(ws), KeyID: r.KeyID, KeyHash: tx.keyHash(r), RequestHash: tx.requestHash(r), Number: number, UsedAt: dialect.Micros(tx.now),
	}
	created := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if created.Error != nil {
		return Outcome{}, false, tx.fault(created.Error)
	}
	if created.RowsAffected == 0 {
		o, err = tx.outcome(ws, r)
		return o, true, err
	}
	err = tx.db.Where("workspace_id = ? AND key_id = ? AND number <= ?", int64(ws), r.KeyID, number-chat.MaxIdempotencyKeys).Delete(&idempotencyRow{}).Error
	return Outcome{}, false, tx.fault(err)
}

// nextNumber returns the number of the next request of an API key. Requests at the same time may
// get the same number.
func (v *View) nextNumber(ws chat.WorkspaceID, keyID string) (int64, error) {
	last, _, err := first[int64](v, v.db.Model(&idempotencyRow{}).Select("number").
		Where("workspace_id = ? AND key_id = ?", int64(ws), keyID).Order("number DESC"))
	return last + 1, err
}

// outcome returns what answers a request that was done before.
func (tx *Tx) outcome(ws chat.WorkspaceID, r KeyedRequest) (Outcome, error) {
	row, err := one[idempotencyRow](&tx.View, tx.keyedRequest(ws, r), errKeyInUse)
	if err != nil {
		return Outcome{}, err
	}
	if !hmac.Equal(row.RequestHash, tx.requestHash(r)) {
		return Outcome{}, errOtherRequest
	}
	upload, _, err := first[idempotentUploadRow](&tx.View, tx.keyedRequest(ws, r))
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{ImportID: upload.ImportID, Conversation: upload.ConversationID}
	if len(row.Deleted) > 0 {
		o.Deleted = row.Deleted
	}
	if row.DeletionID != nil {
		o.Deletion = *row.DeletionID
	}
	return o, nil
}

var (
	errOtherRequest = fault.New(fault.Mismatch, "this idempotency key was used for another request; use a new key for each request. Nothing was changed")
	errKeyInUse     = fault.New(fault.Conflict, "another request used this idempotency key at the same time; send the request again")
)

// EndKeyed stores what answers the request again. BeginKeyed must have begun it in the same transaction.
func (tx *Tx) EndKeyed(ws chat.WorkspaceID, r KeyedRequest, o Outcome) error {
	if o.Deletion != "" || len(o.Deleted) > 0 {
		changes := idempotencyRow{Deleted: o.Deleted}
		if o.Deletion != "" {
			changes.DeletionID = &o.Deletion
		}
		if err := tx.keyedRequest(ws, r).Select("deletion_id", "deleted").Updates(&changes).Error; err != nil {
			return tx.fault(err)
		}
	}
	if o.Conversation == "" {
		return nil
	}
	return tx.fault(tx.db.Create(&idempotentUploadRow{
		WorkspaceID: int64(ws), KeyID: r.KeyID, KeyHash: tx.keyHash(r), ImportID: o.ImportID, ConversationID: o.Conversation,
	}).Error)
}

// ForgetKeyed forgets a request that BeginKeyed began in the same transaction and that stored
// nothing, so that it is tried when it is sent again.
func (tx *Tx) ForgetKeyed(ws chat.WorkspaceID, r KeyedRequest) error {
	return tx.fault(tx.keyedRequest(ws, r).Delete(&idempotencyRow{}).Error)
}

// ForgetIdempotencyKeys deletes what is stored of requests that are older than
// chat.IdempotencyKeyLife. It writes only if there are any.
func (s *Store) ForgetIdempotencyKeys(ctx context.Context) error {
	const old = "used_at <= ?"
	expired := dialect.Micros(s.config.Now().Add(-chat.IdempotencyKeyLife))
	view := s.View(ctx)
	_, found, err := first[idempotencyRow](view, view.db.Select("used_at").Where(old, expired))
	if err != nil || !found {
		return err
	}
	return s.InDeletingTx(ctx, func(tx *Tx) error {
		return tx.fault(tx.db.Where(old, expired).Delete(&idempotencyRow{}).Error)
	})
}
