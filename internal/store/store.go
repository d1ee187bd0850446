// Package store keeps the chat history in a database. No other package knows GORM and
// SQL. It owns the schema, the transactions, and the translation between rows and the
// types of package chat. It owns no rule about what may be stored or deleted (package
// history) and no ranking formula (package rank).
//
// Reads are methods of View and writes are methods of Tx. Only InTx and InDeletingTx
// create a Tx, so a write outside a transaction does not compile, and transactions cannot
// be nested.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
	"github.com/lethe-chat/lethe/internal/store/postgres"
	"github.com/lethe-chat/lethe/internal/store/sqlite"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	database    dialect.Database
	config      dialect.Config
	exactLimit  int
	maxProposed int
	counts      *wordCounts
	instance    int64         // identifies this program as the holder of its claims, from 1
	upkeep      chan struct{} // full while this store does upkeep

	secret atomic.Pointer[[]byte] // the key of the tombstones' hashes
	holder atomic.Int64           // holder of the claims of this program: the instance, or nobody
	alive  sync.Mutex             // locked while sign is taken or released
	sign   dialect.Sign           // that this program lives; nil for none

	afterDeletes func(context.Context) error // see AfterDeletes; nil for nothing
	closing      func()                      // as well
}

// Options says which database to open. Exactly one of Path and URL is set.
type Options struct {
	Path   string           // an SQLite file; created if it is missing, unless MustExist is set
	URL    string           // a PostgreSQL URL
	Logger *slog.Logger     // warnings about the database itself; never SQL or content
	Now    func() time.Time // the clock; time.Now when nil

	// MustExist returns NotFound instead of creating a database.
	MustExist bool

	// Reserve is how many bytes of an SQLite file's disk are kept free, so that deletes
	// work on a full disk.
	Reserve int64

	// BeforeWrite is called before each write of SQLite. Tests use it to simulate a
	// failing disk.
	BeforeWrite func() error

	// ExactLimit is how many vectors a search compares one by one; 0 means the database's
	// own default.
	ExactLimit int

	// MaxProposed is how many passages a search for several words scores;
	// DefaultMaxProposed when 0.
	MaxProposed int

	// Patience is the longest transaction of a caller without a deadline; DefaultPatience
	// when 0.
	Patience time.Duration

	// Trace, if set, receives every statement without its values. Tests use it.
	Trace func(statement string)
}

// DefaultPatience limits how long callers wait for a database that has stopped answering,
// which the network may report only after a quarter of an hour. It is longer than
// PostgreSQL lets a statement run.
const DefaultPatience = 90 * time.Second

// View reads. The statements of Store.View run on their own; those of Store.Snapshot or
// of a Tx see one state of the database.
type View struct {
	db          *gorm.DB
	database    dialect.Database
	exactLimit  int
	maxProposed int
	counts      *wordCounts
	secret      []byte
	holder      int64
	writing     bool // part of a Tx
}

// Tx writes inside one transaction, and reads what it has written.
type Tx struct {
	View
	now  time.Time
	owes bool // it has written something that the ledger must learn
}

// Open opens the database and migrates its schema. The errors are faults: Unavailable
// when the database cannot be reached, Conflict when its schema is newer than this
// program.
func Open(ctx context.Context, o Options) (*Store, error) {
	config := dialect.Config{Logger: o.Logger, Now: o.Now, Patience: cmp.Or(o.Patience, DefaultPatience), Trace: o.Trace}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	var migrated atomic.Bool
	if o.Trace != nil { // migrations change rows of every workspace, so their statements are not traced
		config.Trace = func(statement string) {
			if migrated.Load() {
				o.Trace(statement)
			}
		}
	}
	database, err := open(ctx, o, config)
	if err != nil {
		return nil, err
	}
	s := &Store{
		database: database, config: config, upkeep: make(chan struct{}, 1),
		exactLimit: cmp.Or(o.ExactLimit, database.ExactLimit()), maxProposed: cmp.Or(o.MaxProposed, DefaultMaxProposed),
		counts: newWordCounts(config.Now),
	}
	s.instance = 1 + rand.Int64N(math.MaxInt32-1) //nolint:gosec // it is no secret
	if err := s.prepare(ctx, o.MustExist); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	migrated.Store(true)
	if err := s.rereadKey(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare migrates the schema. On a full disk it uses the reserve for deletes, because
// without the schema nothing can be deleted.
func (s *Store) prepare(ctx context.Context, mustExist bool) error {
	if mustExist {
		if err := s.hasTables(ctx); err != nil {
			return err
		}
	}
	err := s.migrate(ctx)
	if spend := s.database.Abilities().Spend; err != nil && spend != nil && spend(err) {
		return s.migrate(ctx)
	}
	return err
}

// hasTables returns NotFound if the database has no tables of Lethe.
func (s *Store) hasTables(ctx context.Context) error {
	var one int64
	err := s.read(ctx).Raw("SELECT count(*) FROM (SELECT 1 FROM workspaces LIMIT 1) AS found").Row().Scan(&one)
	if err != nil && s.database.Fault(err) == nil && ctx.Err() == nil && !s.read(ctx).Migrator().HasTable("workspaces") {
		return fault.New(fault.NotFound, "the database has no tables of Lethe; `lethe serve` makes them, LETHE_DATA_DIR or LETHE_DATABASE_URL names another database")
	}
	return s.fault(err)
}

// open opens the kind of database that the options name.
func open(ctx context.Context, o Options, config dialect.Config) (dialect.Database, error) {
	switch {
	case o.Path != "" && o.URL == "":
		return sqlite.Open(ctx, o.Path, sqlite.Options{Create: !o.MustExist, Reserve: o.Reserve, BeforeWrite: o.BeforeWrite}, config)
	case o.URL != "" && o.Path == "":
		return postgres.Open(ctx, o.URL, config)
	default:
		return nil, fault.Invalidf("the store needs either an SQLite file or a PostgreSQL URL")
	}
}

// Close waits for running statements and closes every connection.
func (s *Store) Close() error {
	s.hide()
	if s.closing != nil {
		s.closing()
	}
	return s.database.Close()
}

// Name is the kind of database: "sqlite" or "postgres".
func (s *Store) Name() string { return s.database.Kind() }

// Ping reports whether the database answers and accepts writes. It returns Unavailable
// with the reason if not, also when its file was removed or its disk is full.
func (s *Store) Ping(ctx context.Context) error {
	for _, db := range s.pools() {
		if err := db.PingContext(ctx); err != nil {
			return s.fault(err)
		}
	}
	if health := s.database.Abilities().Health; health != nil {
		return health()
	}
	return nil
}

// CodeBytes is the memory that the codes of vectors use, in bytes: at most 128 MiB on
// SQLite, and 0 on PostgreSQL.
func (s *Store) CodeBytes() int64 {
	if bytes := s.database.Abilities().CodeBytes; bytes != nil {
		return bytes()
	}
	return 0
}

// View returns a reader whose statements run on their own, for single look-ups.
func (s *Store) View(ctx context.Context) *View {
	return s.view(s.read(ctx))
}

// Snapshot runs fn on one state of the database: all statements of fn see the same. fn
// may run more than once.
func (s *Store) Snapshot(ctx context.Context, fn func(*View) error) error {
	return s.transaction(ctx, s.database.Read(), func(db *gorm.DB) error { return fn(s.view(db)) }, s.database.SnapshotOptions())
}

// InTx runs fn in one transaction and commits it when fn returns nil. fn may run more
// than once, so it must not change anything outside the transaction. It returns the
// errors of fn unchanged, and those of the database as faults.
//
// Unavailable can mean that the connection broke during the commit. Then it is unknown
// whether the changes are stored: all of them are, or none.
//
// While the disk is full it is Unavailable: what room is left is kept for deletes.
func (s *Store) InTx(ctx context.Context, fn func(*Tx) error) error {
	if room := s.database.Abilities().Room; room != nil {
		if err := room(); err != nil {
			return err
		}
	}
	owes, err := s.inTx(ctx, fn)
	return s.afterTx(ctx, owes, err)
}

// inTx also reports whether the transaction has committed something that the ledger must learn.
func (s *Store) inTx(ctx context.Context, fn func(*Tx) error) (owes bool, err error) {
	err = s.transaction(ctx, s.database.Write(), func(db *gorm.DB) error {
		view := s.view(db)
		view.writing = true
		tx := &Tx{View: *view, now: chat.Clock(s.config.Now())}
		err := fn(tx)
		owes = tx.owes
		return err
	})
	return owes && err == nil, err
}

// afterTx tells the ledger of what a transaction has deleted. It is the only way from a
// transaction to its caller, so no delete can miss it.
func (s *Store) afterTx(ctx context.Context, owes bool, err error) error {
	if err != nil || !owes || s.afterDeletes == nil {
		return err
	}
	return s.afterDeletes(ctx)
}

// deletingTries is how often a delete is tried on a full disk.
const deletingTries = 3

// InDeletingTx is InTx for a transaction that deletes. On a full disk it uses the
// reserve.
func (s *Store) InDeletingTx(ctx context.Context, fn func(*Tx) error) error {
	owes, err := s.tryDeleting(ctx, fn)
	return s.afterTx(ctx, owes, err)
}

func (s *Store) tryDeleting(ctx context.Context, fn func(*Tx) error) (owes bool, err error) {
	owes, err = s.inTx(ctx, fn)
	spend := s.database.Abilities().Spend
	for tries := 1; err != nil && spend != nil && tries < deletingTries && spend(err); tries++ {
		owes, err = s.inTx(ctx, fn) // again when others took the room that was given back
	}
	return owes, err
}

func (s *Store) transaction(ctx context.Context, on *gorm.DB, fn func(*gorm.DB) error, options ...*sql.TxOptions) error {
	ctx, cancel := s.config.Bounded(ctx)
	defer cancel()
	return s.fault(dialect.InTransaction(ctx, on, s.database, fn, options...))
}

// read returns a handle for statements that run on their own.
func (s *Store) read(ctx context.Context) *gorm.DB { return s.database.Read().WithContext(ctx) }

func (s *Store) view(db *gorm.DB) *View {
	return &View{db: db, database: s.database, exactLimit: s.exactLimit, maxProposed: s.maxProposed, counts: s.counts, secret: s.tombstoneKey(), holder: s.holder.Load()}
}

// pools returns the connection pools: one for writing and one for reading, or one for
// both.
func (s *Store) pools() []*sql.DB {
	var pools []*sql.DB
	for _, g := range []*gorm.DB{s.database.Write(), s.database.Read()} {
		db, err := g.DB()
		if err == nil && (len(pools) == 0 || pools[0] != db) {
			pools = append(pools, db)
		}
	}
	return pools
}

func fromNullMicros(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := dialect.FromMicros(*us)
	return &t
}
