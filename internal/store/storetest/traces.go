package storetest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	analyzer "github.com/lethe-chat/lethe/internal/text"
)

// The queries of this file contain names from the database's own catalogue. Values that a test looks for are always
// bound.

// Rows returns the number of rows of every table.
func (d Database) Rows(t testing.TB) map[string]int {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	counts := map[string]int{}
	for _, table := range r.tables() {
		counts[table.name] = r.count("SELECT count(*) FROM " + table.name) //nolint:gosec // a name from the catalogue
	}
	return counts
}

// RowsOf returns the number of rows that belong to one conversation: its own, and those of every table with a column
// conversation_id, zeros included.
func (d Database) RowsOf(t testing.TB, id string) map[string]int {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	counts := map[string]int{"conversations": r.count("SELECT count(*) FROM conversations WHERE CAST(id AS text) = $1", id)}
	for _, table := range r.tables() {
		if table.has(conversationID) {
			//nolint:gosec // a name from the catalogue
			counts[table.name] = r.count("SELECT count(*) FROM "+table.name+" WHERE CAST(conversation_id AS text) = $1", id)
		}
	}
	return counts
}

// Untied returns the tables with vectors and without conversation_id. Nothing could tell whom their vectors belong
// to.
func (d Database) Untied(t testing.TB) (names []string) {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	for _, table := range r.tables() {
		if table.holdsVectors() && !table.has(conversationID) {
			names = append(names, table.name)
		}
	}
	return names
}

// Mentions returns the places that contain a lower-case word, in any case and as part of longer words: in any column
// of any table, and in the vocabulary of the full-text indexes.
func (d Database) Mentions(t testing.TB, word string) (places []string) {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	for _, table := range r.tables() {
		for _, c := range table.columns {
			if n := r.count("SELECT count(*) FROM "+table.name+" WHERE "+r.contains(c.name), word); n > 0 { //nolint:gosec // names from the catalogue
				places = append(places, table.name+"."+c.name)
			}
		}
	}
	for _, index := range r.fullText() {
		r.exec("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', '" + index + "', 'row')")
		if n := r.count("SELECT count(*) FROM temp.vocabulary WHERE instr(term, $1) > 0", word); n > 0 {
			places = append(places, index+" (vocabulary)")
		}
		r.exec("DROP TABLE temp.vocabulary")
	}
	if r.kind == Postgres && r.indexed(word) {
		places = append(places, "chunks.terms")
	}
	return places
}

// indexed reports whether PostgreSQL's full-text index of some workspace contains the terms of a word. It stores the
// numbers of terms: a part of their hash under a key of the database.
func (r *raw) indexed(word string) bool {
	r.t.Helper()
	terms := analyzer.Terms(word)
	for _, ws := range r.rows("SELECT CAST(id AS text) FROM workspaces") {
		id, err := strconv.ParseInt(ws[0], 10, 64)
		require.NoError(r.t, err)
		found := len(terms) > 0
		for _, term := range terms {
			found = found && r.count(`SELECT count(*) FROM chunks WHERE terms @> ARRAY[(
				SELECT CAST(1 + (CAST(CAST('x' || encode(substring(hash FOR 8), 'hex') AS bit(64)) AS bigint) & 9223372036854775807) % 1000000000 AS int)
				FROM (SELECT sha256(value || convert_to($1, 'UTF8')) AS hash FROM secrets WHERE name = 'terms') AS hashed)]`,
				strconv.FormatInt(id, 36)+":"+term) > 0
		}
		if found {
			return true
		}
	}
	return false
}

// contains returns SQL that tests whether a column of any type contains $1.
func (r *raw) contains(column string) string {
	column = `"` + column + `"`
	if r.kind == Postgres { // bytes are shown in hexadecimal there
		return fmt.Sprintf("strpos(lower(CAST(%[1]s AS text)), $1) > 0 OR strpos(CAST(%[1]s AS text), encode(convert_to($1, 'UTF8'), 'hex')) > 0", column)
	}
	return fmt.Sprintf("instr(lower(CAST(%[1]s AS TEXT)), $1) > 0 OR instr(CAST(%[1]s AS BLOB), CAST($1 AS BLOB)) > 0", column)
}

// Orphans counts the rows without a conversation in every table with a conversation_id, and the entries without a row
// in every full-text index. It returns nothing if there are none.
func (d Database) Orphans(t testing.TB) (found []string) {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	return r.orphans()
}

func (r *raw) orphans() (found []string) {
	r.t.Helper()
	for _, table := range r.tables() {
		if !table.has(conversationID) {
			continue
		}
		same := "CAST(parent.id AS text) = CAST(child.conversation_id AS text)"
		if table.has("workspace_id") {
			same += " AND parent.workspace_id = child.workspace_id"
		}
		n := r.count("SELECT count(*) FROM " + table.name + " AS child WHERE child.conversation_id IS NOT NULL AND NOT EXISTS " + //nolint:gosec // a name from the catalogue
			"(SELECT 1 FROM conversations AS parent WHERE " + same + ")")
		if n > 0 {
			found = append(found, fmt.Sprintf("%s: %d rows of conversations that do not exist", table.name, n))
		}
	}
	for _, index := range r.fullText() {
		if _, err := r.conn.ExecContext(r.ctx, "INSERT INTO "+index+"("+index+", rank) VALUES ('integrity-check', 1)"); err != nil { //nolint:gosec // a name from the catalogue
			found = append(found, fmt.Sprintf("%s: broken: %v", index, err))
		}
		for what, query := range map[string]string{
			"entries without a passage": "SELECT count(*) FROM " + index + "_docsize WHERE id NOT IN (SELECT id FROM chunks)",
			"passages without an entry": "SELECT count(*) FROM chunks WHERE id NOT IN (SELECT id FROM " + index + "_docsize)",
		} {
			if n := r.count(query); n > 0 { //nolint:gosec // a name from the catalogue
				found = append(found, fmt.Sprintf("%s: %d %s", index, n, what))
			}
		}
	}
	return found
}

// Damage returns everything that is wrong with the database: orphans, wrong counters, and what the checks of the
// database itself find.
func (d Database) Damage(t testing.TB) []string {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	found := r.orphans()
	for name, query := range map[string]string{
		"conversations whose message_count is wrong": `SELECT count(*) FROM conversations AS c WHERE message_count <>
			(SELECT count(*) FROM messages AS m WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id)`,
		"conversations whose messages have gaps": `SELECT count(*) FROM conversations AS c WHERE message_count <>
			(SELECT max(position) + 1 FROM messages AS m WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id)`,
		"conversations whose chunk_count or term_count is wrong": `SELECT count(*) FROM conversations AS c WHERE (chunk_count, term_count) <>
			(SELECT count(*), coalesce(sum(term_count), 0) FROM chunks AS h WHERE h.workspace_id = c.workspace_id AND h.conversation_id = c.id)`,
		"conversations whose vector_count is wrong": `SELECT count(*) FROM conversations AS c WHERE vector_count <>
			(SELECT count(*) FROM embeddings AS e WHERE e.workspace_id = c.workspace_id AND e.conversation_id = c.id)`,
		"conversations whose unreadable_count is wrong": `SELECT count(*) FROM conversations AS c WHERE unreadable_count <>
			(SELECT count(*) FROM chunks AS h WHERE h.workspace_id = c.workspace_id AND h.conversation_id = c.id AND h.unreadable_by <> '')`,
		"ready conversations whose newest revision is not indexed": `SELECT count(*) FROM conversations WHERE index_state = 'ready' AND indexed_revision <> revision`,
		"conversations whose vectors were not made by the model they name": `SELECT count(*) FROM conversations AS c WHERE EXISTS (
			SELECT 1 FROM embeddings AS e LEFT JOIN recipes AS r ON r.id = c.recipe_id
			WHERE e.workspace_id = c.workspace_id AND e.conversation_id = c.id AND (r.model IS NULL OR r.model NOT IN ('', e.model)))`,
		"conversations with what the model they name does not know to be unreadable": `SELECT count(*) FROM conversations AS c WHERE EXISTS (
			SELECT 1 FROM chunks AS k LEFT JOIN recipes AS r ON r.id = c.recipe_id
			WHERE k.workspace_id = c.workspace_id AND k.conversation_id = c.id AND k.unreadable_by <> '' AND (r.model IS NULL OR r.model NOT IN ('', k.unreadable_by)))`,
		"vectors without a chunk": `SELECT count(*) FROM embeddings AS e WHERE NOT EXISTS (SELECT 1 FROM chunks AS h
			WHERE h.workspace_id = e.workspace_id AND h.conversation_id = e.conversation_id AND h.position = e.position)`,
	} {
		if n := r.count(query); n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, name))
		}
	}
	if r.kind == SQLite {
		found = append(found, r.broken()...)
	}
	return found
}

// broken returns what SQLite's own checks find. They run in one transaction with a query of each full-text index,
// because FTS5 reads the segments that another program has merged only in a query. Without those it would call the
// index corrupt.
func (r *raw) broken() (found []string) {
	r.t.Helper()
	r.exec("BEGIN")
	defer r.exec("ROLLBACK")
	for _, index := range r.fullText() {
		r.count("SELECT count(*) FROM " + index + ` WHERE ` + index + ` MATCH '"0"'`) //nolint:gosec // a name from the catalogue
	}
	for _, check := range []string{"integrity_check", "foreign_key_check"} {
		for _, row := range r.rows("PRAGMA " + check) {
			if said := strings.Join(row, " "); said != "ok" {
				found = append(found, check+": "+said)
			}
		}
	}
	return found
}

// Connections returns the number of connections that programs have to the database, without this one. If the URL
// names its program, connections of other programs do not count. SQLite has no server that knows them.
func (d Database) Connections(t testing.TB) int {
	t.Helper()
	if d.Kind != Postgres {
		return 0
	}
	u, err := url.Parse(d.opts.URL)
	require.NoError(t, err)
	r := d.raw(t)
	defer r.close()
	return r.count(`SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND $1 IN ('', application_name)`, u.Query().Get("application_name"))
}

// Indexing returns how many conversations are claimed by a worker, also by one that has ended.
func (d Database) Indexing(t testing.TB) int {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	return r.count("SELECT count(*) FROM conversations WHERE index_state = 'indexing'")
}

// Deadlocks returns how many transactions PostgreSQL had to abort, as far as closed connections have reported it:
// close the store first. SQLite has one writer.
func (d Database) Deadlocks(t testing.TB) int {
	t.Helper()
	if d.Kind != Postgres {
		return 0
	}
	r := d.raw(t)
	defer r.close()
	return r.count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
}
