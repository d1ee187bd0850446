package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// This file is the store's part of the ledger of deletes (package ledger): what each delete
// has to add to it, and how far the database knows it.

// DeletedKind is the kind of what was deleted. The numbers are stored.
type DeletedKind uint8

// The kinds.
const (
	DeletedConversation DeletedKind = iota + 1
	DeletedMessage
	DeletedWorkspace
)

// DeletedHash is a keyed hash of an id of Lethe. Without the key of the database it says
// nothing.
type DeletedHash [hashSize]byte

// Owed is a record of a delete that the ledger does not have yet.
type Owed struct {
	ID   int64
	Kind DeletedKind
	Hash DeletedHash
	At   time.Time
}

// LedgerID identifies a ledger.
type LedgerID [16]byte

// LedgerState is what the database knows of its ledger.
type LedgerState struct {
	Attached bool // the database has a ledger
	ID       LedgerID
	Position uint64 // of the last record that the database knows
}

type ledgerStateRow struct {
	One      int
	Ledger   []byte
	Position int64
}

func (ledgerStateRow) TableName() string { return "ledger_state" }

type owedRow struct {
	ID        int64
	Kind      int
	Hash      []byte
	DeletedAt int64
}

func (owedRow) TableName() string { return "ledger_outbox" }

// LedgerOwner is the proof that a ledger belongs to this database. Only a database with the
// same key can compute it, so a backup of this one and a restore of its export can, too.
func (v *View) LedgerOwner(id LedgerID) [32]byte {
	return [32]byte(keyed(v.secret, "ledger", string(id[:])))
}

func (v *View) workspaceHash(ws workspaceRow) []byte {
	// The database may give a number again after an older state of it was restored.
	return keyed(v.secret, "workspace", strconv.FormatInt(ws.ID, 10), strconv.FormatInt(ws.CreatedAt, 10))[:hashSize]
}

// Ledger returns what the database knows of its ledger.
func (v *View) Ledger() (LedgerState, error) {
	row, err := one[ledgerStateRow](v, v.db.Where("one = 1"), fault.New(fault.Internal, "the database has lost the row of its ledger"))
	state := LedgerState{Attached: len(row.Ledger) > 0, Position: uint64(row.Position)} //nolint:gosec // a position is not negative
	copy(state.ID[:], row.Ledger)
	return state, err
}

// AttachLedger makes a ledger the database's, known up to a position. All tombstones are owed
// to it, because backups from before may contain what they recognize.
func (tx *Tx) AttachLedger(id LedgerID, position uint64) error {
	// Deletes in progress read the row under a lock. They end first, so their tombstones are here.
	var locked ledgerStateRow
	if err := tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("one = 1").Find(&locked).Error; err != nil {
		return tx.fault(err)
	}
	if err := tx.moveLedger(map[string]any{"ledger": id[:], "position": int64(position)}); err != nil { //nolint:gosec // a bigint
		return err
	}
	for _, from := range []struct {
		kind          DeletedKind
		column, table string
	}{{DeletedConversation, "conversation_hash", "tombstones"}, {DeletedMessage, "message_hash", "message_tombstones"}} {
		err := tx.db.Exec("INSERT INTO ledger_outbox (kind, hash, deleted_at) SELECT ?, "+from.column+", ? FROM "+from.table+" WHERE workspace_id > 0",
			int(from.kind), dialect.Micros(tx.now)).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	return nil
}

// ForgetLedger makes the database one without a ledger. What is owed stays owed.
func (tx *Tx) ForgetLedger() error {
	return tx.moveLedger(map[string]any{"ledger": nil, "position": 0})
}

// LedgerKnown records that everything up to the position is deleted here.
func (tx *Tx) LedgerKnown(position uint64) error {
	return tx.moveLedger(map[string]any{"position": int64(position)}) //nolint:gosec // a bigint
}

func (tx *Tx) moveLedger(changes map[string]any) error {
	return tx.fault(tx.db.Model(&ledgerStateRow{}).Where("one = 1").Updates(changes).Error)
}

// Owed returns up to n records that the ledger does not have yet, oldest first.
func (v *View) Owed(n int) ([]Owed, error) {
	var rows []owedRow
	err := v.db.Order("id").Limit(n).Find(&rows).Error
	owed := make([]Owed, len(rows))
	for i, r := range rows {
		owed[i] = Owed{ID: r.ID, Kind: DeletedKind(r.Kind), Hash: DeletedHash(r.Hash), At: dialect.FromMicros(r.DeletedAt)} //nolint:gosec // one of the kinds
	}
	return owed, v.fault(err)
}

// CountOwed returns how many records the ledger does not have yet.
func (v *View) CountOwed() (int, error) {
	var n int64
	err := v.db.Model(&owedRow{}).Count(&n).Error
	return int(n), v.fault(err)
}

// Settle removes records that the ledger has, and records how far the database knows it.
func (tx *Tx) Settle(owed []Owed, position uint64) error {
	ids := make([]int64, len(owed))
	for i, o := range owed {
		ids[i] = o.ID
	}
	for batch := range slices.Chunk(ids, idBatch) {
		if err := tx.db.Where("id IN ?", batch).Delete(&owedRow{}).Error; err != nil {
			return tx.fault(err)
		}
	}
	return tx.LedgerKnown(position)
}

// owe writes what the ledger must learn of a delete, in the transaction of the delete. It does
// nothing when the database has no ledger.
func (tx *Tx) owe(kind DeletedKind, hashes [][]byte) error {
	if len(hashes) == 0 {
		return nil
	}
	attached, err := tx.hasLedger()
	if err != nil || !attached {
		return err
	}
	rows := make([]owedRow, len(hashes))
	for i, hash := range hashes {
		rows[i] = owedRow{Kind: int(kind), Hash: hash, DeletedAt: dialect.Micros(tx.now)}
	}
	tx.owes = true
	return tx.fault(tx.db.Omit("id").CreateInBatches(rows, tombstoneBatch).Error)
}

// hasLedger locks the row against AttachLedger, and not against LedgerKnown.
func (tx *Tx) hasLedger() (bool, error) {
	row, _, err := first[ledgerStateRow](&tx.View, tx.db.Clauses(clause.Locking{Strength: "KEY SHARE"}).Where("one = 1"))
	return len(row.Ledger) > 0, err
}

// AfterDeletes sets what is called after each transaction that has deleted something which
// the ledger must learn, before the caller gets its answer. Its error becomes the caller's. Close
// calls closing. Set both before the store is used.
func (s *Store) AfterDeletes(fn func(context.Context) error, closing func()) {
	s.afterDeletes, s.closing = fn, closing
}

// InDeletingAgainTx is InDeletingTx for the deletes that a ledger asks for. It does not call what
// AfterDeletes has set.
func (s *Store) InDeletingAgainTx(ctx context.Context, fn func(*Tx) error) error {
	_, err := s.tryDeleting(ctx, fn)
	return err
}

// Recorded are the hashes of what a ledger knows to be deleted.
type Recorded map[DeletedHash]DeletedKind

// has reports whether something with this hash was deleted.
func (k Recorded) has(kind DeletedKind, hash []byte) bool { return k[DeletedHash(hash)] == kind }

// hasKind reports whether anything of a kind was deleted.
func (k Recorded) hasKind(kind DeletedKind) bool {
	for _, has := range k {
		if has == kind {
			return true
		}
	}
	return false
}

// StillHere is what the database has although a ledger knows that it was deleted.
type StillHere struct {
	Workspaces    []chat.WorkspaceID
	Conversations map[chat.WorkspaceID][]chat.ConversationID
	Messages      map[chat.WorkspaceID]map[chat.ConversationID][]chat.MessageID
}

// Count is how many workspaces, conversations and messages these are.
func (h StillHere) Count() int {
	n := len(h.Workspaces)
	for _, ids := range h.Conversations {
		n += len(ids)
	}
	for _, in := range h.Messages {
		for _, ids := range in {
			n += len(ids)
		}
	}
	return n
}

// StillHere compares the ids of everything that is stored with the hashes.
func (s *Store) StillHere(ctx context.Context, known Recorded) (found StillHere, err error) {
	found.Conversations = map[chat.WorkspaceID][]chat.ConversationID{}
	found.Messages = map[chat.WorkspaceID]map[chat.ConversationID][]chat.MessageID{}
	if len(known) == 0 {
		return found, nil
	}
	v := s.View(ctx)
	var workspaces []workspaceRow
	if err := v.db.Order("id").Find(&workspaces).Error; err != nil {
		return found, v.fault(err)
	}
	for _, row := range workspaces {
		if known.has(DeletedWorkspace, v.workspaceHash(row)) {
			found.Workspaces = append(found.Workspaces, chat.WorkspaceID(row.ID))
			continue
		}
		if err := v.stillIn(chat.WorkspaceID(row.ID), known, &found); err != nil {
			return found, err
		}
	}
	return found, nil
}

// stillIn adds what is still in one workspace.
func (v *View) stillIn(ws chat.WorkspaceID, known Recorded, found *StillHere) error {
	messages := known.hasKind(DeletedMessage)
	for after := chat.ConversationID(""); ; {
		var rows []dialect.ConversationRow
		err := following(v.db.Select("id", "platform", "external_id").Where("workspace_id = ?", int64(ws)), "id", after).
			Order("id").Limit(idBatch).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return v.fault(err)
		}
		after = rows[len(rows)-1].ID
		of := make(map[chat.ConversationID]chat.Origin, len(rows))
		for _, r := range rows {
			if known.has(DeletedConversation, v.conversationHash(r.ID)) {
				found.Conversations[ws] = append(found.Conversations[ws], r.ID)
			} else {
				of[r.ID] = chat.Origin{Platform: r.Platform, ExternalID: r.ExternalID}
			}
		}
		if messages {
			if err := v.messagesStillIn(ws, of, known, found); err != nil {
				return err
			}
		}
	}
}

func (v *View) messagesStillIn(ws chat.WorkspaceID, of map[chat.ConversationID]chat.Origin, known Recorded, found *StillHere) error {
	ids := make([]chat.ConversationID, 0, len(of))
	for id := range of {
		ids = append(ids, id)
	}
	var rows []dialect.MessageRow
	err := v.db.Select("conversation_id", "id").Where("workspace_id = ? AND conversation_id IN ?", int64(ws), ids).Find(&rows).Error
	for _, r := range rows {
		if !known.has(DeletedMessage, v.messageHash(of[r.ConversationID], ownMessageID, string(r.ID))) {
			continue
		}
		if found.Messages[ws] == nil {
			found.Messages[ws] = map[chat.ConversationID][]chat.MessageID{}
		}
		found.Messages[ws][r.ConversationID] = append(found.Messages[ws][r.ConversationID], r.ID)
	}
	return v.fault(err)
}
