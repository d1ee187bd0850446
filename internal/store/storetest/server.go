package storetest

import (
	"context"
	"errors"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store"
)

// Server is a PostgreSQL for one test, which may damage it. Its data survives a crash. It ends with the test.
type Server struct {
	name  string
	url   string
	small string // a folder with little space, as a path of the server; empty if the machine has none
}

// NewServer starts a PostgreSQL.
func NewServer(t testing.TB) *Server {
	t.Helper()
	return newServer(t)
}

func newServer(t testing.TB, settings ...string) *Server {
	t.Helper()
	sharedServer(t) // this private server also belongs to the tests that run only with PostgreSQL
	s := &Server{name: uuid.NewString()}
	t.Cleanup(func() { s.command(t, "stop") })
	lines := strings.Fields(s.command(t, append([]string{"start"}, settings...)...))
	require.NotEmpty(t, lines)
	if s.url = lines[0]; len(lines) > 1 {
		s.small = lines[1]
	}
	return s
}

// Kill ends every process of the server at once, like a power failure.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.command(t, "kill")
}

// Start starts a killed server again, with its data and at its address, and returns when it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.command(t, "start")
}

// Database creates an empty database on the server. The first program that opens it creates its schema.
func (s *Server) Database(t testing.TB) Database {
	t.Helper()
	return s.database(t, "")
}

func (s *Server) database(t testing.TB, clauses string) Database {
	t.Helper()
	name := databaseName()
	admin(t, s.url, "CREATE DATABASE "+name+clauses)
	return Database{Kind: Postgres, opts: store.Options{URL: databaseURL(t, s.url, name), Trace: keyed(t)}}
}

// command runs the script that finds PostgreSQL.
func (s *Server) command(t testing.TB, arguments ...string) string {
	t.Helper()
	script := filepath.Join(moduleRoot(t), "internal", "store", "storetest", "ensure-postgres.sh")
	run := exec.CommandContext(context.WithoutCancel(t.Context()), script, append([]string{"private", s.name}, arguments...)...)
	var said strings.Builder
	run.Stderr = &said
	out, err := run.Output()
	require.NoError(t, err, "%v: %s", arguments, &said)
	return string(out)
}

// SmallDisk is a database on a small disk. If a test cannot make a file system on this
// machine, a trigger returns the error of a full one.
type SmallDisk struct {
	Database
	Real bool // it is a real disk, not a trigger
}

// NewSmallDisk creates an empty database on a small disk of its own.
func NewSmallDisk(t testing.TB) SmallDisk {
	t.Helper()
	s := newServer(t, "small")
	if s.small == "" {
		return SmallDisk{s.Database(t), false}
	}
	admin(t, s.url, "CREATE TABLESPACE small LOCATION '"+s.small+"'")
	return SmallDisk{s.database(t, " TABLESPACE small"), true}
}

// diskFull is PostgreSQL's error code for a full disk.
const diskFull = "53100"

// Fill uses all remaining space until Free.
func (d SmallDisk) Fill(t testing.TB) {
	t.Helper()
	conn := d.Postgres(t)
	if !d.Real {
		_, err := conn.Exec(t.Context(), `CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`)
		require.NoError(t, err)
		for _, table := range []string{"messages", "chunks", "embeddings"} {
			_, err := conn.Exec(t.Context(), "CREATE TRIGGER no_space BEFORE INSERT ON "+table+" EXECUTE FUNCTION no_space()")
			require.NoError(t, err)
		}
		return
	}
	_, err := conn.Exec(t.Context(), "CREATE TABLE filler (bytes text) WITH (autovacuum_enabled = false)")
	require.NoError(t, err)
	// The table keeps the pages that a failed INSERT has added.
	for _, rows := range []int{100_000, 1} {
		for err = error(nil); err == nil; {
			_, err = conn.Exec(t.Context(), "INSERT INTO filler SELECT repeat('x', 1900) FROM generate_series(1, $1)", rows)
		}
		var pg *pgconn.PgError
		require.True(t, errors.As(err, &pg) && pg.Code == diskFull, "%v", err)
	}
}

// Free gives the space back.
func (d SmallDisk) Free(t testing.TB) {
	t.Helper()
	conn := d.Postgres(t)
	statement := "DROP TABLE filler"
	if !d.Real {
		statement = "DROP FUNCTION no_space CASCADE"
	}
	_, err := conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}

// With returns the database with a parameter added to its URL, such as "lock_timeout", "200ms".
func (d Database) With(t testing.TB, name, value string) Database {
	t.Helper()
	u, err := url.Parse(d.opts.URL)
	require.NoError(t, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	d.opts.URL = u.String()
	return d
}

// NewEmpty creates a completely empty database, without schema and extension, on the server that all tests share, and
// drops it afterwards.
func NewEmpty(t testing.TB) Database {
	t.Helper()
	server := sharedServer(t)
	name := databaseName()
	admin(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { drop(t, server, name) })
	return Database{Kind: Postgres, opts: store.Options{URL: databaseURL(t, server, name), Trace: keyed(t)}}
}

// AsNobody returns the database for a role that may log in and nothing else.
func (d Database) AsNobody(t testing.TB) Database {
	t.Helper()
	role := "nobody_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	owner := d.opts.URL
	admin(t, owner, "CREATE ROLE "+role+" LOGIN PASSWORD '"+role+"'")
	t.Cleanup(func() { admin(t, owner, "DROP ROLE "+role) })
	u, err := url.Parse(owner)
	require.NoError(t, err)
	u.User = url.UserPassword(role, role)
	d.opts.URL = u.String()
	return d
}
