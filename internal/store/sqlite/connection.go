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

// pragmas are set on every connection, because SQLite stores most of them per connection.
// The order matters.
//
//   - busy_timeout, in milliseconds: wait for the locks of others (see patience).
//   - page_size, of a new file: a vector of 512 numbers has 2 KiB, so a page of 4 KiB
//     holds one and wastes the rest. Larger pages make the file a third smaller, and
//     deletes and scans of vectors faster.
//   - foreign_keys: deletes cascade; without it children would stay.
//   - synchronous FULL: an answered delete survives a power failure.
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

// patience is how long a connection waits for the locks of others. busyTimeout sets it in
// SQLite.
const (
	patience    = 20 * time.Second
	busyTimeout = "busy_timeout = 20000"
)

// connectionMemory is how many bytes SQLite may use for one connection. Before a
// statement changes pages, SQLite copies them to be able to undo it. The copies are in
// memory (temp_store), because a temporary file would be another place with people's
// texts. So the limit bounds what one statement may delete; Thin keeps large deletes far
// below it. Memory is allocated when needed, and a connection that runs out of it breaks.
const connectionMemory = 2 << 30

// connector opens connections for a pool.
type connector struct {
	sqldriver.Connector
	tell *bitcode.Codes // nil if the connections only read
}

// Connect opens a connection. If other programs are opening or closing the same file, it
// waits for them until ctx ends or patience is over.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	if bits.UintSize == 64 { // 32-bit systems keep the default
		ctx = sqlite3.WithMaxMemory(ctx, connectionMemory)
	}
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn := session{opened.(driverConn), &statements{idle: map[string]*keptStatement{}}} //nolint:forcetypeassert // it is the driver's own
	if err := setUp(ctx, conn.Raw()); err != nil {
		return nil, errors.Join(ctx.Err(), err, conn.Close()) // SQLite answers BUSY when ctx ends during a wait
	}
	if c.tell != nil {
		return watch(conn, c.tell), nil
	}
	return conn, nil
}

func setUp(ctx context.Context, conn *sqlite3.Conn) error {
	defer conn.SetInterrupt(conn.SetInterrupt(ctx))
	// This comes first: the next statements read the file, and another program may be
	// closing it or repairing its log.
	if err := conn.BusyTimeout(patience); err != nil {
		return err
	}
	// Without this, SQLite prepares a statement again for each new value that it is bound to, in case another plan suits
	// the value better, and so do the statements inside the full-text index.
	if _, err := conn.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true); err != nil {
		return err
	}
	if err := fts5.RegisterCustom(conn, registerScore); err != nil { // this build of SQLite does not include it
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

// patiently repeats a statement that SQLite refuses at once, without waiting, while
// another program is using the file. The first change to a write-ahead log upgrades a
// lock that the connection already holds, and two connections that wait for each other's
// lock would never end. So each gives up and tries again later.
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

// driverConn is the interface of the driver's connections.
type driverConn interface {
	driver.Conn
	sqldriver.ConnPrepareContext
	sqldriver.ExecerContext
	sqldriver.NamedValueChecker
}

// session is a connection that stays open after a canceled transaction. Without the two
// methods below, the pool would close it. When the last connection is closed, SQLite
// deletes the log, which locks everybody out, and creates a new one for the next
// connection.
type session struct {
	driverConn
	kept *statements
}

// ResetSession prepares the connection for its next user. The rollback has already
// cleared it.
func (session) ResetSession(context.Context) error { return nil }

// IsValid reports whether the connection can be used again: its transaction has ended,
// and no large value has enlarged its memory.
func (s session) IsValid() bool { return s.Raw().GetAutocommit() && !s.kept.swollen }
