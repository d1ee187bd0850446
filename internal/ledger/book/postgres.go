package book

import (
	"context"
	"errors"
	"hash/crc32"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lethe-chat/lethe/internal/fault"
)

// database is a ledger in a PostgreSQL database, which several programs share.
type database struct {
	pool  *pgxpool.Pool
	place string
}

// connections is how many connections one program has to the ledger.
const connections = 2

func openPostgres(url string) (*database, error) {
	settings, err := pgxpool.ParseConfig(url)
	if err != nil { // the parser's error quotes the address with its password
		return nil, fault.Invalidf("LETHE_LEDGER is not a PostgreSQL address; it looks like postgres://user:password@host:5432/database")
	}
	settings.MaxConns = connections
	settings.ConnConfig.RuntimeParams["application_name"] = "lethe-ledger"
	pool, err := pgxpool.NewWithConfig(context.Background(), settings) // it connects when it is used
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "LETHE_LEDGER cannot be used")
	}
	return &database{pool: pool, place: "in the database " + settings.ConnConfig.Database + " on " + settings.ConnConfig.Host}, nil
}

// Place names the host and the database.
func (d *database) Place() string { return d.place }

// Close closes the connections.
func (d *database) Close() { d.pool.Close() }

// lockKey is the key of the advisory lock of a ledger's database. The session that uses the
// ledger holds it, and it is free when the program ends or its connection breaks.
const lockKey = 0x6c6574686c67 // "lethlg"

// Exclusively holds a lock of the database.
func (d *database) Exclusively(ctx context.Context, fn func(Session) error) error {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return unavailable(d.place, err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey); err != nil {
		return unavailable(d.place, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockPatience)
		defer cancel()
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", lockKey); err != nil {
			_ = conn.Conn().Close(ctx) // the server then releases the lock
		}
	}()
	return fn(&databaseSession{ctx: ctx, conn: conn.Conn(), place: d.place})
}

const unlockPatience = 2 * time.Second

// databaseSession is one turn at the ledger.
type databaseSession struct {
	ctx   context.Context //nolint:containedctx // of the call that the session lives in
	conn  *pgx.Conn
	place string
}

const schema = `
CREATE TABLE IF NOT EXISTS lethe_ledger (
    one   int PRIMARY KEY CHECK (one = 1), -- there is one row
    id    bytea  NOT NULL,
    owner bytea  NOT NULL,
    base  bigint NOT NULL, -- the position before the oldest record
    last  bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS lethe_ledger_records (
    position bigint PRIMARY KEY,
    at       bigint   NOT NULL, -- microseconds since 1970
    kind     smallint NOT NULL,
    hash     bytea    NOT NULL,
    sum      bigint   NOT NULL  -- a checksum of all this
);`

// Head reads the only row.
func (s *databaseSession) Head() (head Head, found bool, err error) {
	var exists bool
	if err := s.conn.QueryRow(s.ctx, "SELECT to_regclass('lethe_ledger') IS NOT NULL").Scan(&exists); err != nil || !exists {
		return head, false, s.failed(err)
	}
	var id, owner []byte
	var base, last int64
	err = s.conn.QueryRow(s.ctx, "SELECT id, owner, base, last FROM lethe_ledger").Scan(&id, &owner, &base, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return head, false, nil
	}
	if err != nil {
		return head, false, s.failed(err)
	}
	if len(id) != IDSize || len(owner) != OwnerSize {
		return head, false, errDamaged(s.place, "its identity has the wrong length")
	}
	head = Head{ID: [IDSize]byte(id), Owner: [OwnerSize]byte(owner), First: uint64(base) + 1, Last: uint64(last)} //nolint:gosec // positions are not negative
	return head, true, nil
}

// Create makes the tables.
func (s *databaseSession) Create(id [IDSize]byte, owner [OwnerSize]byte) error {
	if _, err := s.conn.Exec(s.ctx, schema); err != nil {
		return s.failed(err)
	}
	made, err := s.conn.Exec(s.ctx, "INSERT INTO lethe_ledger (one, id, owner, base, last) VALUES (1, $1, $2, 0, 0) ON CONFLICT DO NOTHING", id[:], owner[:])
	if err == nil && made.RowsAffected() == 0 {
		return errExists(s.place)
	}
	return s.failed(err)
}

// After reads the rows.
func (s *databaseSession) After(position uint64, each func(uint64, Record) error) error {
	rows, err := s.conn.Query(s.ctx, "SELECT position, at, kind, hash, sum FROM lethe_ledger_records WHERE position > $1 ORDER BY position", int64(position)) //nolint:gosec // a bigint
	if err != nil {
		return s.failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		var at, place, sum int64
		var kind int16
		var hash []byte
		if err := rows.Scan(&place, &at, &kind, &hash, &sum); err != nil {
			return s.failed(err)
		}
		if len(hash) != HashSize {
			return errDamaged(s.place, "a hash has the wrong length")
		}
		r := Record{At: time.UnixMicro(at).UTC(), Kind: uint8(kind), Hash: [HashSize]byte(hash)} //nolint:gosec // as it was written
		if sumOf(uint64(place), r) != sum {                                                      //nolint:gosec // positions are not negative
			return errDamaged(s.place, "a record does not have its checksum")
		}
		if err := each(uint64(place), r); err != nil { //nolint:gosec // positions are not negative
			return err
		}
	}
	return s.failed(rows.Err())
}

// sumOf is the checksum of one record.
func sumOf(position uint64, r Record) int64 {
	return int64(crc32.Checksum(encodeFrame(position, []Record{r}), castagnoli))
}

// Append inserts the records and moves the position, in one transaction.
func (s *databaseSession) Append(records []Record) (uint64, error) {
	head, found, err := s.Head()
	switch {
	case err != nil:
		return 0, err
	case !found:
		return 0, fault.NotFoundf("the ledger %s does not exist", s.place)
	case len(records) == 0:
		return head.Last, nil
	}
	rows := make([][]any, len(records))
	for i, r := range records {
		position := head.Last + 1 + uint64(i)                                                            //nolint:gosec // counts records
		rows[i] = []any{int64(position), r.At.UnixMicro(), int16(r.Kind), r.Hash[:], sumOf(position, r)} //nolint:gosec // a bigint
	}
	last := head.Last + uint64(len(records))
	err = pgx.BeginFunc(s.ctx, s.conn, func(tx pgx.Tx) error {
		if _, err := tx.CopyFrom(s.ctx, pgx.Identifier{"lethe_ledger_records"}, []string{"position", "at", "kind", "hash", "sum"}, pgx.CopyFromRows(rows)); err != nil {
			return err
		}
		_, err := tx.Exec(s.ctx, "UPDATE lethe_ledger SET last = $1", int64(last)) //nolint:gosec // a bigint
		return err
	})
	return last, s.failed(err)
}

// Prune deletes the oldest rows.
func (s *databaseSession) Prune(before time.Time) (int, error) {
	_, found, err := s.Head()
	if err != nil || !found {
		return 0, err
	}
	var dropped int64
	err = pgx.BeginFunc(s.ctx, s.conn, func(tx pgx.Tx) error {
		gone, err := tx.Exec(s.ctx, `DELETE FROM lethe_ledger_records WHERE position < coalesce(
			(SELECT min(position) FROM lethe_ledger_records WHERE at >= $1), (SELECT last + 1 FROM lethe_ledger))`, before.UnixMicro())
		if err != nil || gone.RowsAffected() == 0 {
			return err
		}
		dropped = gone.RowsAffected()
		_, err = tx.Exec(s.ctx, "UPDATE lethe_ledger SET base = base + $1", dropped)
		return err
	})
	return int(dropped), s.failed(err)
}

func (s *databaseSession) failed(err error) error {
	if err == nil {
		return nil
	}
	return unavailable(s.place, err)
}
