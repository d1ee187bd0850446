// Package store keeps the chat history in a database and is the only package
// that knows GORM and SQL. It owns the schema, the transactions and the
// translation between rows and the nouns of package chat; it owns no rule about
// what may be stored or deleted (package history) and no ranking formula
// (package rank).
//
// Reads are methods of View, writes are methods of Tx, and a Tx is only handed
// out by InTx: a write outside a transaction does not compile, and transactions
// cannot be nested.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	read    *gorm.DB
	write   *gorm.DB // on SQLite one connection, so that writers queue here and not in the file's lock
	dialect dialect
	now     func() time.Time
	closers []func() error // what is left to close after the pools

	pool        *pgxpool.Pool // on PostgreSQL, what maintenance needs and GORM has no words for
	exactLimit  int
	maxProposed int
	patience    time.Duration
	secret      []byte // keys the hashes of tombstones
}

// Options says which database to open. Exactly one of Path and URL is set.
type Options struct {
	Path   string           // an SQLite file, made when it is missing
	URL    string           // a PostgreSQL URL
	Logger *slog.Logger     // warnings about the database itself; never SQL or content
	Now    func() time.Time // the clock; time.Now when nil

	// ExactLimit is how many vectors a search compares one by one; when 0,
	// DefaultExactLimit on PostgreSQL and DefaultUncoded on SQLite.
	ExactLimit int

	// MaxProposed is how many passages a search for several words looks at;
	// DefaultMaxProposed when 0.
	MaxProposed int

	// Patience is how long a transaction may take whose caller has set no deadline;
	// DefaultPatience when 0.
	Patience time.Duration

	// Trace, when it is set, is given every statement that GORM sends, without its
	// values: for tests of the statements themselves.
	Trace func(statement string)
}

// DefaultPatience ends what waits for a database that has vanished without a
// word, which the network may take a quarter of an hour to notice. It is longer
// than PostgreSQL itself lets a statement run.
const DefaultPatience = 90 * time.Second

// View reads. One from Store.View runs each statement on its own; one from
// Store.Snapshot, or a Tx, sees a single moment of the database.
type View struct {
	db          *gorm.DB
	dialect     dialect
	exactLimit  int
	maxProposed int
	secret      []byte
	writing     bool // it is a Tx's
}

// Tx writes, inside one transaction, and reads what it wrote.
type Tx struct {
	View
	now time.Time
}

// Open opens the database and brings its schema up to date. The errors are
// faults: Unavailable when the database cannot be reached, Conflict when its
// schema is newer than this program.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(trace(s.read, o.Trace), trace(s.write, o.Trace)); err != nil {
		return nil, errors.Join(s.fault(err), s.Close())
	}
	s.exactLimit = cmp.Or(o.ExactLimit, s.exactLimit)
	s.maxProposed = cmp.Or(o.MaxProposed, DefaultMaxProposed)
	s.patience = cmp.Or(o.Patience, DefaultPatience)
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	row := s.read.WithContext(ctx).Raw("SELECT value FROM secrets WHERE name = ?", "tombstones").Row()
	if err := row.Scan(&s.secret); err != nil {
		return nil, errors.Join(s.fault(err), s.Close())
	}
	return s, nil
}

// Close waits for running statements and closes every connection.
func (s *Store) Close() error {
	var errs []error
	for _, db := range s.pools() {
		errs = append(errs, db.Close())
	}
	for _, closer := range s.closers {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// Name is the kind of database: "sqlite" or "postgres".
func (s *Store) Name() string { return s.dialect.name() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	for _, db := range s.pools() {
		if err := db.PingContext(ctx); err != nil {
			return s.fault(err)
		}
	}
	return nil
}

// View returns a reader whose statements run on their own: for single look-ups.
func (s *Store) View(ctx context.Context) *View {
	return s.view(s.read.WithContext(ctx))
}

// Snapshot runs fn on one moment of the database: no statement of fn sees
// anything that another did not. fn may run more than once.
func (s *Store) Snapshot(ctx context.Context, fn func(*View) error) error {
	return s.transaction(ctx, s.read, func(db *gorm.DB) error { return fn(s.view(db)) }, s.dialect.snapshot())
}

// InTx runs fn in one transaction and commits it when fn returns nil. fn may run
// more than once and must not touch anything outside the transaction. The
// errors of fn come back as they are; those of the database as faults.
//
// Unavailable may also mean that the connection broke during the commit, and then
// nobody knows whether fn's changes are stored: all of them are, or none.
func (s *Store) InTx(ctx context.Context, fn func(*Tx) error) error {
	return s.transaction(ctx, s.write, func(db *gorm.DB) error {
		view := s.view(db)
		view.writing = true
		return fn(&Tx{View: *view, now: chat.Clock(s.now())})
	})
}

// maxTries is how often a transaction is run that came to nothing by no fault of
// its own: the database gave it up (a deadlock, a serialization failure), or its
// connection broke.
const maxTries = 4

// retryPause is the longest wait before the second try; the next ones wait longer.
const retryPause = 20 * time.Millisecond

func (s *Store) transaction(ctx context.Context, on *gorm.DB, fn func(*gorm.DB) error, options ...*sql.TxOptions) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var err error
	for try := 1; try <= maxTries; try++ {
		committing := false
		err = on.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			err := fn(db)
			committing = err == nil
			return err
		}, options...)
		undone := s.dialect.transient(err) || (!committing && s.dialect.disconnected(err))
		if undone || errors.Is(err, sql.ErrTxDone) {
			// Who stops waiting for a lock is told that it is taken, and who goes away before
			// the commit that the transaction is over: neither says why.
			err = errors.Join(ctx.Err(), err)
		}
		if err == nil || ctx.Err() != nil || !undone {
			break
		}
		select { // whoever it met goes first, or they meet again
		case <-ctx.Done():
		case <-time.After(rand.N(time.Duration(try) * retryPause)): //nolint:gosec // it is no secret
		}
	}
	return s.fault(err)
}

// bounded gives a context a deadline if it has none.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.patience)
}

func (s *Store) view(db *gorm.DB) *View {
	return &View{db: db, dialect: s.dialect, exactLimit: s.exactLimit, maxProposed: s.maxProposed, secret: s.secret}
}

func (s *Store) pools() []*sql.DB {
	var pools []*sql.DB
	for _, g := range []*gorm.DB{s.write, s.read} {
		db, err := g.DB()
		if err == nil && (len(pools) == 0 || pools[0] != db) {
			pools = append(pools, db)
		}
	}
	return pools
}

// micros is how a time is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// fromMicros is the inverse of micros.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

func fromNullMicros(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := fromMicros(*us)
	return &t
}
