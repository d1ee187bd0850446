package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/ext/fts5"

	"github.com/lethe-chat/lethe/internal/store/bitcode"
)

// pragmas are set on every connection, because SQLite forgets most of
// them with the connection. The order matters.
//
//   - busy_timeout, in milliseconds: wait for the locks of others. It is patience.
//   - page_size, of a file that is new: a vector of 512 numbers has 2 KiB, so a
//     page of 4 KiB holds one and wastes the rest. Larger pages make the file a
//     third smaller, and deletes and scans of vectors faster.
//   - foreign_keys: the delete is a cascade; without it children would stay.
//   - synchronous FULL: an answered delete survives a power cut.
//   - secure_delete: a freed page is overwritten with zeros at the commit.
//   - journal_mode WAL: readers never wait for the writer.
var pragmas = []string{
	busyTimeout,
	"page_size = 16384",
	"journal_mode = WAL",
	"synchronous = FULL",
	"foreign_keys = ON",
	"secure_delete = ON",
	"temp_store = MEMORY",
	"cache_size = -32000",
	"trusted_schema = OFF",
}

// patience is how long a connection waits for the locks of others, and
// busyTimeout tells SQLite.
const (
	patience    = 20 * time.Second
	busyTimeout = "busy_timeout = 20000"
)

// connectionMemory is how many bytes SQLite may use for one connection. Before a
// statement changes pages it copies them, to undo it if it fails; the copies are
// kept in memory (temp_store), because a file of them would be one more place with
// people's texts in it. So the limit bounds what one statement may delete. Memory
// is taken as it is needed, and running out of it breaks the connection for good.
const connectionMemory = 2 << 30

// connector opens connections as we need them.
type connector struct {
	sqldriver.Connector
	tell *bitcode.Codes // nil when the connections only read
}

// Connect opens a connection. It waits for other programs that are opening or
// closing the same file, until ctx ends or for patience.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	if bits.UintSize == 64 { // elsewhere there is no room for more than is usual
		ctx = sqlite3.WithMaxMemory(ctx, connectionMemory)
	}
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn := session{opened.(driverConn), &statements{idle: map[string]*keptStatement{}}} //nolint:forcetypeassert // it is the driver's own
	if err := setUp(ctx, conn.Raw()); err != nil {
		return nil, errors.Join(ctx.Err(), err, conn.Close()) // who stops waiting for a lock is told BUSY
	}
	if c.tell != nil {
		return watch(conn, c.tell), nil
	}
	return conn, nil
}

func setUp(ctx context.Context, conn *sqlite3.Conn) error {
	defer conn.SetInterrupt(conn.SetInterrupt(ctx))
	// Before anything else: what follows reads the file, and another program may be
	// about to close it, or to repair its log.
	if err := conn.BusyTimeout(patience); err != nil {
		return err
	}
	if err := fts5.RegisterCustom(conn, registerScore); err != nil { // a module of its own in this build of SQLite
		return fmt.Errorf("full-text search: %w", err)
	}
	if err := registerTextPiece(conn); err != nil {
		return fmt.Errorf("reading texts by pieces: %w", err)
	}
	if err := registerTextSum(conn); err != nil {
		return fmt.Errorf("sums of texts: %w", err)
	}
	if err := registerIndexedTerms(conn); err != nil {
		return fmt.Errorf("lengths of index entries: %w", err)
	}
	for _, pragma := range pragmas {
		if err := patiently(ctx, func() error { return conn.Exec("PRAGMA " + pragma) }); err != nil {
			return fmt.Errorf("PRAGMA %s: %w", pragma, err)
		}
	}
	return nil
}

// patiently runs what SQLite refuses at once, without its own waiting, when
// another program is at it: the first change to a write-ahead log is an upgrade of
// a lock that the connection holds already, and two that waited for each other's
// would wait for ever. So each lets go, and tries again at another time.
func patiently(ctx context.Context, fn func() error) error {
	for began := time.Now(); ; {
		err := fn()
		if !errors.Is(err, sqlite3.BUSY) || time.Since(began) > patience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond + rand.N(10*time.Millisecond)): //nolint:gosec // it is no secret
		}
	}
}

// driverConn is what the driver's connections can do.
type driverConn interface {
	driver.Conn
	sqldriver.ConnPrepareContext
	sqldriver.ExecerContext
	sqldriver.NamedValueChecker
}

// session is a connection that outlives a canceled transaction: without the two
// methods below the pool closes it. With the last connection SQLite also takes the
// log away, locks everybody out meanwhile, and makes a new one for the next.
type session struct {
	driverConn
	kept *statements
}

// ResetSession prepares the connection for the next caller; the rollback has left
// nothing of the last one.
func (session) ResetSession(context.Context) error { return nil }

// IsValid reports whether the connection may be used again: when the transaction
// has ended, as it must have, and no large value has swollen its memory.
func (s session) IsValid() bool { return s.Raw().GetAutocommit() && !s.kept.swollen }
