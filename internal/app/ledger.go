package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/ledger"
	"github.com/lethe-chat/lethe/internal/ledger/book"
	"github.com/lethe-chat/lethe/internal/store"
)

// newLedger returns the configured ledger of deletes, to which each delete of the store is added from
// now on; nil when none is configured. The store closes it. deleted may be nil.
func newLedger(c config.Config, s *store.Store, logger *slog.Logger, deleted func()) (*ledger.Ledger, error) {
	if c.Ledger == "" {
		return nil, nil
	}
	b, err := book.Open(c.Ledger.Reveal())
	if err != nil {
		return nil, err
	}
	l := ledger.New(ledger.Options{Store: s, Book: b, Retention: c.LedgerRetention, Logger: logger, Deleted: deleted})
	s.AfterDeletes(l.Catch, b.Close)
	return l, nil
}

// needsLedger returns a Conflict when the database has a ledger and none is configured, because then it is
// unknown whether an older database was restored.
func needsLedger(ctx context.Context, s *store.Store) error {
	state, err := s.View(ctx).Ledger()
	if err == nil && state.Attached {
		err = fault.New(fault.Conflict, "the database has a ledger of deletes, and LETHE_LEDGER is not set; set it to where the ledger is. "+
			"`lethe ledger forget` gives it up: then a backup brings back what was deleted after it")
	}
	return err
}

// Obey brings the database and its ledger to the same state before a command reads conversations. l is nil
// when none is configured; then it is a Conflict when the database has one.
func Obey(ctx context.Context, s *store.Store, l *ledger.Ledger) error {
	if l == nil {
		return needsLedger(ctx, s)
	}
	return l.Open(ctx, false)
}

// ledgerRetry is how long a starting service waits before it tries an unreachable ledger again.
const ledgerRetry = 2 * time.Second

// awaitLedger opens the ledger. Meanwhile the service says what it waits for. It waits for a ledger that cannot be reached, until
// ctx ends.
func (a *App) awaitLedger(ctx context.Context) error {
	if a.ledger == nil {
		return needsLedger(ctx, a.store)
	}
	a.server.Refuse(func() string {
		if n := a.ledger.Left(); n > 0 {
			return fmt.Sprintf("a backup was restored: the service deletes again what was deleted since, %d to go", n)
		}
		return "the service compares the database with its ledger of deletes"
	})
	for {
		err := a.ledger.Open(ctx, false)
		if err == nil {
			return nil
		}
		if !fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
			return err
		}
		a.o.Logger.WarnContext(ctx, "the service waits for its ledger of deletes", "error", err)
		a.server.Refuse(func() string { return "the service waits for its ledger of deletes: " + fault.Message(err) })
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(ledgerRetry):
		}
	}
}
