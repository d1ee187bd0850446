// Package opencode reads the sessions of OpenCode, which are rows of an SQLite database. The
// database is copied first, with its log, because OpenCode may be writing to it.
package opencode

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Platform is the platform of the conversations.
const Platform = "opencode"

// ErrOtherTables says that a database has not the tables that are known.
var ErrOtherTables = errors.New("the database has no tables session, message and part, as OpenCode has them")

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "opencode", Title: "OpenCode database", Platform: Platform,
		LookFor: "an SQLite database with the tables `session`, `message` and `part`",
		Matches: matches, Read: read, Resumes: true,
	}
}

// matches finds the tables in the schema, which SQLite stores as text on the first pages. Recent changes may be only
// in the log, so the name of the file counts too.
func matches(s *format.Sample) bool {
	if s.Kind != format.SQLite {
		return false
	}
	has := func(table string) bool {
		for _, quote := range []string{"`" + table + "`", `"` + table + `"`, table} {
			if bytes.Contains(s.Head, []byte("CREATE TABLE "+quote+"(")) || bytes.Contains(s.Head, []byte("CREATE TABLE "+quote+" (")) {
				return true
			}
		}
		return false
	}
	name, _ := filepath.Match("opencode*.db", filepath.Base(filepath.FromSlash(s.Path)))
	return name || has("session") && has("message") && has("part")
}

// state is what is needed to continue: sessions that have not changed since are left out.
type state struct {
	After int64  `json:"after"` // milliseconds since 1970
	First string `json:"first"` // the oldest session, to notice another database
}

func read(ctx context.Context, m format.Member, out *format.Out) (err error) {
	var before state
	if m.From.State != "" && json.Unmarshal([]byte(m.From.State), &before) != nil {
		return format.ErrRewritten
	}
	file, remove, err := copyOf(ctx, m)
	if err != nil {
		return fmt.Errorf("%s cannot be copied: %w", m.Path, err)
	}
	defer func() { err = also(err, remove()) }()
	r := &reader{m: m, out: out, before: before}
	if r.db, err = open(ctx, file); err == nil {
		defer func() { err = also(err, r.db.Close()) }()
		err = r.read(ctx)
	} else {
		err = &unreadable{err}
	}
	var damaged *unreadable
	if errors.As(err, &damaged) && ctx.Err() == nil {
		out.Problem(format.Place{Member: m.Path}, damaged)
		return nil
	}
	return err
}

// also adds the error of closing something to another. Without one, the other is returned
// unchanged.
func also(err, closing error) error {
	if closing == nil {
		return err
	}
	return errors.Join(err, closing)
}

// unreadable is the error of a database that is damaged or has other tables.
type unreadable struct{ err error }

// Error is the error of SQLite, which quotes no rows.
func (u *unreadable) Error() string { return u.err.Error() }

// Unwrap returns the error of SQLite.
func (u *unreadable) Unwrap() error { return u.err }

// open opens a copy. Another program created the database, so its schema is not trusted.
func open(ctx context.Context, file string) (*sql.DB, error) {
	db, err := driver.Open(uri(file), func(c *sqlite3.Conn) error {
		return c.Exec("PRAGMA trusted_schema=OFF; PRAGMA query_only=ON; PRAGMA cell_size_check=ON")
	})
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// reader reads a database.
type reader struct {
	m      format.Member
	db     *sql.DB
	out    *format.Out
	before state
	after  state
}

func (r *reader) read(ctx context.Context) error {
	t, err := r.tables(ctx)
	if err != nil {
		return err
	}
	err = r.db.QueryRowContext(ctx, "SELECT coalesce(min(id), '') FROM session").Scan(&r.after.First)
	if err != nil {
		return r.failed(err)
	}
	if r.before.First != "" && r.before.First != r.after.First {
		return format.ErrRewritten
	}
	sessions, err := r.sessions(ctx, t)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if err := r.session(ctx, s); err != nil {
			return err
		}
	}
	text, err := json.Marshal(r.after)
	if err != nil {
		return err
	}
	r.out.Mark(format.Mark{State: string(text)})
	return nil
}

// failed returns an error of the database.
func (r *reader) failed(err error) error { return &unreadable{err} }

// columns are the columns that a table has; versions of OpenCode differ.
type columns map[string]bool

// pick returns a column, or otherwise if the table does not have it.
func (c columns) pick(name, otherwise string) string {
	if c[name] {
		return `"` + name + `"`
	}
	return otherwise
}

// tables returns the columns of the table session, and checks that the others are there.
func (r *reader) tables(ctx context.Context) (columns, error) {
	var all [3]columns
	for i, table := range []string{"session", "message", "part"} {
		has, err := r.columns(ctx, table)
		if err != nil {
			return nil, r.failed(err)
		}
		all[i] = has
	}
	if !all[0]["id"] || !all[1]["data"] || !all[2]["data"] {
		return nil, r.failed(ErrOtherTables)
	}
	return all[0], nil
}

// columns returns the columns of a table; none if there is no such table.
func (r *reader) columns(ctx context.Context, table string) (has columns, err error) {
	rows, err := r.db.QueryContext(ctx, "SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		return nil, err
	}
	defer func() { err = also(err, rows.Close()) }()
	has = columns{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		has[name] = true
	}
	return has, rows.Err()
}

// row is a row of the table session.
type row struct {
	id, title, directory, revert string
	created, updated, archived   int64
}

// sessions returns the sessions that changed since the last reading, in the order of their
// ids.
func (r *reader) sessions(ctx context.Context, c columns) (all []row, err error) {
	//nolint:gosec // pick returns names and constants of this package
	query := fmt.Sprintf(`SELECT id, coalesce(%s,''), coalesce(%s,''), coalesce(%s,''), coalesce(%s,0), coalesce(%s,0),
		max(time_updated,
			coalesce((SELECT max(m.time_updated) FROM message m WHERE m.session_id = session.id), 0),
			coalesce((SELECT max(p.time_updated) FROM part p WHERE p.session_id = session.id), 0)) AS last
		FROM session ORDER BY id`,
		c.pick("title", "''"), c.pick("directory", "''"), c.pick("revert", "''"), c.pick("time_created", "0"), c.pick("time_archived", "0"))
	rows, err := r.db.QueryContext(ctx, query)
	if err != nil {
		return nil, r.failed(err)
	}
	defer func() { err = also(err, rows.Close()) }()
	for rows.Next() {
		var s row
		if err := rows.Scan(&s.id, &s.title, &s.directory, &s.revert, &s.created, &s.archived, &s.updated); err != nil {
			return nil, r.failed(err)
		}
		r.after.After = max(r.after.After, s.updated)
		if s.updated >= r.before.After {
			all = append(all, s)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, r.failed(err)
	}
	return all, nil
}

func milliseconds(n int64) time.Time {
	if n <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
