package storetest

import (
	"slices"
	"strings"
	"testing"
)

// table is a table as described by the database's own catalogue.
type table struct {
	name    string
	columns []column
}

type column struct{ name, kind string }

// conversationID is the column that ties a row to a conversation.
const conversationID = "conversation_id"

func (t table) has(name string) bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return c.name == name })
}

// holdsVectors reports whether a column has a type that vectors are stored in.
func (t table) holdsVectors() bool {
	return slices.ContainsFunc(t.columns, func(c column) bool {
		return c.name == "vector" || c.name == "embedding" || slices.Contains([]string{"vector", "halfvec", "sparsevec", "bit"}, c.kind)
	})
}

// tables reads the catalogue: every table with rows of its own, whoever created it. The tables behind a full-text
// index are not included; see fullText.
func (r *raw) tables() []table {
	r.t.Helper()
	list := `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`
	columns := `SELECT name, lower(type) FROM pragma_table_xinfo($1)`
	if r.kind == Postgres {
		list = `SELECT CAST(CAST(c.oid AS regclass) AS text) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_t%' ORDER BY 1`
		columns = `SELECT a.attname, t.typname FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
			WHERE a.attrelid = CAST(CAST($1 AS text) AS regclass) AND a.attnum > 0 AND NOT a.attisdropped`
	}
	var found []table
	for _, row := range r.rows(list) {
		t := table{name: row[0]}
		for _, c := range r.rows(columns, t.name) {
			t.columns = append(t.columns, column{name: c[0], kind: c[1]})
		}
		found = append(found, t)
	}
	return found
}

// fullText returns the full-text indexes. Only SQLite stores them apart from the rows that they index.
func (r *raw) fullText() (names []string) {
	r.t.Helper()
	if r.kind != SQLite {
		return nil
	}
	for _, row := range r.rows(`SELECT name, sql FROM sqlite_schema WHERE type = 'table'`) {
		if statement := strings.ToLower(row[1]); strings.HasPrefix(statement, "create virtual table") && strings.Contains(statement, "using fts5") {
			names = append(names, row[0])
		}
	}
	return names
}

// Indexes returns the tables of a database, each with the columns of its keys and indexes in order.
func (d Database) Indexes(t testing.TB) map[string][][]string {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	tables := map[string][][]string{}
	for _, table := range r.rows(tablesOf[d.Kind]) {
		tables[table[0]] = nil
		for _, index := range r.rows(indexesOf[d.Kind], table[0]) {
			tables[table[0]] = append(tables[table[0]], strings.Split(index[0], ","))
		}
	}
	return tables
}

var tablesOf = map[string]string{
	SQLite: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
	Postgres: `SELECT relname FROM pg_class
		WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = CAST(current_schema() AS regnamespace)`,
}

var indexesOf = map[string]string{
	// The key of a WITHOUT ROWID table is listed like an index; an INTEGER PRIMARY KEY is not.
	SQLite: `SELECT (SELECT group_concat(name) FROM pragma_index_info(list.name)) FROM pragma_index_list(?) AS list
		UNION ALL SELECT name FROM pragma_table_info(?1) WHERE pk = 1 AND type = 'INTEGER'
			AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')`,
	Postgres: `SELECT string_agg(attname, ',' ORDER BY place)
		FROM pg_index, unnest(CAST(indkey AS int2[])) WITH ORDINALITY AS key (number, place)
		JOIN pg_attribute ON attrelid = CAST($1 AS regclass) AND attnum = number
		WHERE indrelid = CAST($1 AS regclass) GROUP BY indexrelid`,
}
