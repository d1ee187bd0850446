// Package ledger keeps a ledger of deletes in step with the database, so that a backup that is
// restored does not bring back what was deleted after it was taken.
//
// The ledger is outside of the database and is not part of its backups (package book). Each
// delete writes what the ledger must learn in its own transaction; after the commit, and before the
// caller gets the answer, Catch appends it. The database remembers how far it knows the ledger. A
// ledger that is ahead means that the database is older than the ledger: a backup was restored, or the
// program stopped between the two. Either way, what the ledger knows is deleted again.
package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/ledger/book"
	"github.com/lethe-chat/lethe/internal/store"
)

// KeyID is the key in the receipts of deletes that a ledger has asked for.
const KeyID = "ledger"

// Options are the parts and settings of a Ledger.
type Options struct {
	Store     *store.Store
	Book      book.Book
	Retention time.Duration    // how long records are kept; 0 for ever
	Patience  time.Duration    // the longest time that a delete waits for the ledger; DefaultPatience when 0
	Every     time.Duration    // how often Run looks for what is owed; DefaultEvery when 0
	Now       func() time.Time // the clock; time.Now when nil
	Logger    *slog.Logger     // nil discards
	Deleted   func()           // called after deletes that the ledger has asked for; may be nil
}

// Defaults of Options.
const (
	DefaultPatience = 10 * time.Second
	DefaultEvery    = 15 * time.Second
)

// Ledger keeps a database and its ledger in step. It is safe for concurrent use.
type Ledger struct {
	o    Options
	turn chan struct{} // full while a call of this program works
	left atomic.Int64  // how many deletes of the ledger are still to be done; for Progress

	mu      sync.Mutex
	pruned  time.Time // when Run has pruned last
	failing bool      // the last attempt to append failed
}

// New returns a Ledger; call Open before it is used.
func New(o Options) *Ledger {
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Every <= 0 {
		o.Every = DefaultEvery
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Deleted == nil {
		o.Deleted = func() {}
	}
	return &Ledger{o: o, turn: make(chan struct{}, 1)}
}

// Open brings the database and the ledger to the same state: it makes the ledger if there is none,
// deletes what the ledger knows and the database still has, and appends what the ledger lacks. Until it
// has returned nil, the database may have chats that were deleted.
//
// Conflict when the ledger belongs to another database, when the database has another ledger, when
// its ledger is missing, or when the ledger no longer has all deletes since the backup that was
// restored. Then accept, if set, goes on with those that it has.
func (l *Ledger) Open(ctx context.Context, accept bool) error {
	err := l.exclusively(ctx, func(s book.Session) error {
		head, state, err := l.join(ctx, s)
		if err != nil {
			return err
		}
		if lost := head.First - 1; state.Position < lost && !accept {
			return fault.New(fault.Conflict, "the ledger %s no longer has %d of the deletes since the backup that was restored, because LETHE_LEDGER_RETENTION is shorter than the backup is old; "+
				"`lethe ledger accept` deletes what the ledger still knows and goes on", l.o.Book.Place(), lost-state.Position)
		}
		return l.meet(ctx, s)
	})
	if err != nil {
		return err
	}
	return l.catch(ctx)
}

// join checks that the ledger and the database belong together, and attaches a new one.
func (l *Ledger) join(ctx context.Context, s book.Session) (book.Head, store.LedgerState, error) {
	state, err := l.o.Store.View(ctx).Ledger()
	if err != nil {
		return book.Head{}, state, err
	}
	head, found, err := s.Head()
	switch {
	case err != nil:
		return head, state, err
	case !found && state.Attached && state.Position > 0:
		return head, state, fault.New(fault.Conflict, "the database has a ledger, and there is none at %s; set LETHE_LEDGER to where it is, or restore it from a copy. "+
			"`lethe ledger forget` gives it up: then a backup brings back what was deleted after it", l.o.Book.Place())
	case !found:
		if head, err = l.create(ctx, s); err != nil {
			return head, state, err
		}
	}
	if err := l.belongs(ctx, head, state); err != nil {
		return head, state, err
	}
	switch {
	case !state.Attached || !found:
		state.Position = 0
		if !found {
			state.Position = head.Last
		}
	case head.Last < state.Position:
		l.o.Logger.Warn("the ledger is older than the database; what the database still knows of deletes is added again", "ledger", l.o.Book.Place(),
			"missing", state.Position-head.Last)
		state.Position = head.Last
	default:
		return head, state, nil
	}
	return head, state, l.o.Store.InDeletingAgainTx(ctx, func(tx *store.Tx) error { return tx.AttachLedger(store.LedgerID(head.ID), state.Position) })
}

func (l *Ledger) create(ctx context.Context, s book.Session) (book.Head, error) {
	var id [book.IDSize]byte
	_, _ = rand.Read(id[:]) // it never fails
	if err := s.Create(id, l.o.Store.View(ctx).LedgerOwner(id)); err != nil {
		return book.Head{}, err
	}
	head, _, err := s.Head()
	return head, err
}

// belongs returns a Conflict when the ledger is not this database's.
func (l *Ledger) belongs(ctx context.Context, head book.Head, state store.LedgerState) error {
	owner := l.o.Store.View(ctx).LedgerOwner(head.ID)
	switch {
	case !hmac.Equal(owner[:], head.Owner[:]):
		return fault.New(fault.Conflict, "the ledger %s belongs to another database; nothing was changed. Set LETHE_LEDGER to the ledger of this database, or to a place where there is none yet", l.o.Book.Place())
	case state.Attached && state.ID != head.ID:
		return fault.New(fault.Conflict, "the database has another ledger than %s; nothing was changed. Set LETHE_LEDGER to where it is, or let `lethe ledger forget` give it up", l.o.Book.Place())
	}
	return nil
}

// redo deletes what the ledger has after a position and the database still has, and moves the
// position when nothing is left of it.
func (l *Ledger) redo(ctx context.Context, s book.Session, head book.Head, after uint64) error {
	if head.Last <= after {
		return nil
	}
	known := store.Recorded{}
	err := s.After(after, func(_ uint64, r book.Record) error {
		known[r.Hash] = store.DeletedKind(r.Kind)
		return nil
	})
	if err != nil {
		return err
	}
	still, err := l.o.Store.StillHere(ctx, known)
	if err != nil {
		return err
	}
	if n := still.Count(); n > 0 {
		l.left.Store(int64(n))
		l.o.Logger.Warn("the database is older than its ledger: deleting again what was deleted since", "workspaces", len(still.Workspaces), "all", n)
		if err := l.delete(ctx, still); err != nil {
			return err
		}
		l.o.Deleted()
	}
	return l.o.Store.InDeletingAgainTx(ctx, func(tx *store.Tx) error { return tx.LedgerKnown(head.Last) })
}

// redoBatch is how many conversations one transaction deletes.
const redoBatch = 500

func (l *Ledger) delete(ctx context.Context, still store.StillHere) error {
	by := chat.DeleteOptions{KeyID: KeyID}
	for _, ws := range still.Workspaces {
		if err := l.again(ctx, 1, func(tx *store.Tx) error { _, err := tx.DeleteWorkspace(ws, by); return err }); err != nil {
			return err
		}
	}
	for _, ws := range slices.Sorted(maps.Keys(still.Conversations)) {
		for batch := range slices.Chunk(still.Conversations[ws], redoBatch) {
			err := l.again(ctx, len(batch), func(tx *store.Tx) error { _, _, err := tx.DeleteConversations(ws, batch, by); return err })
			if err != nil {
				return err
			}
		}
	}
	for ws, in := range still.Messages {
		for conversation, ids := range in {
			err := l.again(ctx, len(ids), func(tx *store.Tx) error { _, err := tx.DeleteMessages(ws, conversation, ids, by); return err })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// again runs one delete, which may find that another program has done it.
func (l *Ledger) again(ctx context.Context, n int, fn func(*store.Tx) error) error {
	err := l.o.Store.InDeletingAgainTx(ctx, fn)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	l.left.Add(-int64(n))
	return nil
}

// Left is how many workspaces, conversations and messages Open still has to delete.
func (l *Ledger) Left() int { return int(max(0, l.left.Load())) }

// Catch appends what the ledger lacks. It is called after each delete, and returns when its records
// are on the ledger's disk. It works to its end when ctx ends, within Options.Patience. Unavailable
// when the ledger cannot be reached; the delete is done nevertheless, and the next call of Catch or Open
// appends its records.
func (l *Ledger) Catch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.o.Patience)
	defer cancel()
	err := l.catch(ctx)
	l.note(err)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the delete is done, and nothing of it is left in the database. It is not in the ledger yet (%s); "+
			"the service goes on trying to add it. Until then, a backup from before the delete would bring it back", fault.Message(err))
	}
	return nil
}

// note logs when the ledger begins to fail, and when it works again.
func (l *Ledger) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch failing := err != nil; {
	case failing && !l.failing:
		l.o.Logger.Warn("deletes cannot be added to the ledger; trying again", "ledger", l.o.Book.Place(), "error", err)
	case !failing && l.failing:
		l.o.Logger.Info("the ledger has all deletes again", "ledger", l.o.Book.Place())
	}
	l.failing = err != nil
}

func (l *Ledger) catch(ctx context.Context) error {
	for {
		owed, err := l.o.Store.View(ctx).Owed(1)
		if err != nil || len(owed) == 0 {
			return err
		}
		if err := l.exclusively(ctx, func(s book.Session) error { return l.meet(ctx, s) }); err != nil {
			return err
		}
	}
}

// meet deletes what the ledger knows and the database does not, and appends one batch of what the
// database owes.
func (l *Ledger) meet(ctx context.Context, s book.Session) error {
	owed, err := l.o.Store.View(ctx).Owed(book.MaxBatch)
	if err != nil {
		return err
	}
	state, err := l.o.Store.View(ctx).Ledger()
	if err != nil {
		return err
	}
	head, found, err := s.Head()
	if err != nil {
		return err
	}
	if !found {
		return fault.New(fault.Unavailable, "the ledger %s does not exist any more", l.o.Book.Place())
	}
	if err := l.belongs(ctx, head, state); err != nil {
		return err
	}
	appended := map[book.Record]bool{} // by a program that stopped before the database knew it
	if err := s.After(state.Position, func(_ uint64, r book.Record) error { appended[r] = true; return nil }); err != nil {
		return err
	}
	if err := l.redo(ctx, s, head, state.Position); err != nil || len(owed) == 0 {
		return err
	}
	var fresh []book.Record
	for _, o := range owed {
		if r := (book.Record{At: o.At, Kind: uint8(o.Kind), Hash: o.Hash}); !appended[r] {
			fresh = append(fresh, r)
		}
	}
	last, err := s.Append(fresh)
	if err != nil {
		return err
	}
	return l.o.Store.InDeletingAgainTx(ctx, func(tx *store.Tx) error { return tx.Settle(owed, last) })
}

// exclusively is Book.Exclusively, and waits for its turn in this program first.
func (l *Ledger) exclusively(ctx context.Context, fn func(book.Session) error) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "another delete is still being added to the ledger %s", l.o.Book.Place())
	}
	defer func() { <-l.turn }()
	return l.o.Book.Exclusively(ctx, fn)
}

// Run appends what other programs or failed attempts have left, and removes old records, until
// ctx ends.
func (l *Ledger) Run(ctx context.Context) {
	ticker := time.NewTicker(l.o.Every)
	defer ticker.Stop()
	for {
		if err := l.Once(ctx); err != nil && ctx.Err() == nil {
			l.note(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// pruneEvery is how often old records are removed.
const pruneEvery = time.Hour

// Once does what is due now.
func (l *Ledger) Once(ctx context.Context) error {
	if err := l.catch(ctx); err != nil {
		return err
	}
	l.note(nil)
	l.mu.Lock()
	due := l.o.Retention > 0 && l.o.Now().Sub(l.pruned) >= pruneEvery
	l.mu.Unlock()
	if !due {
		return nil
	}
	return l.Prune(ctx)
}

// Prune removes the records that are older than the retention.
func (l *Ledger) Prune(ctx context.Context) error {
	if l.o.Retention <= 0 {
		return nil
	}
	err := l.exclusively(ctx, func(s book.Session) error {
		_, err := s.Prune(l.o.Now().Add(-l.o.Retention))
		return err
	})
	if err == nil {
		l.mu.Lock()
		l.pruned = l.o.Now()
		l.mu.Unlock()
	}
	return err
}

// Status is what is known of a database and its ledger.
type Status struct {
	Place    string
	Database store.LedgerState
	Owed     int       // records that the ledger does not have yet
	Found    bool      // there is a ledger
	Head     book.Head // of the ledger, when there is one
}

// Status reads the state of both.
func (l *Ledger) Status(ctx context.Context) (s Status, err error) {
	s.Place = l.o.Book.Place()
	if s.Database, err = l.o.Store.View(ctx).Ledger(); err != nil {
		return s, err
	}
	if s.Owed, err = l.o.Store.View(ctx).CountOwed(); err != nil {
		return s, err
	}
	err = l.exclusively(ctx, func(session book.Session) (err error) {
		s.Head, s.Found, err = session.Head()
		return err
	})
	return s, err
}
