package bench_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// benchModel is the model of the generated vectors.
var benchModel = embed.Model{ID: "bench", Dimensions: dimensions}

// filled creates a database with n indexed conversations in each of the named workspaces,
// and returns their ids. No program has it open: Clone it.
func filled(b *testing.B, kind string, c *corpus, sizes map[string]int) (db storetest.Database, ids map[string][]string) {
	b.Helper()
	db = storetest.New(b, kind)
	workspaces := map[string]chat.WorkspaceID{}
	s, err := store.Open(b.Context(), db.Options())
	require.NoError(b, err)
	for name := range sizes {
		require.NoError(b, s.InTx(b.Context(), func(tx *store.Tx) (err error) {
			workspaces[name], err = tx.EnsureWorkspace(name)
			return err
		}))
	}
	require.NoError(b, s.Close())

	ids = map[string][]string{}
	into := sinkFor(b, db)
	for name, n := range sizes {
		for range n {
			conv := c.conversation()
			into.add(rowsOf(workspaces[name], conv))
			ids[name] = append(ids[name], conv.id)
		}
	}
	into.finish()
	return db, ids
}

// filledWith creates a database with these conversations, in the workspace "bench".
func filledWith(b *testing.B, kind string, made []conversation) storetest.Database {
	b.Helper()
	db := storetest.New(b, kind)
	s, err := store.Open(b.Context(), db.Options())
	require.NoError(b, err)
	var ws chat.WorkspaceID
	require.NoError(b, s.InTx(b.Context(), func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace("bench")
		return err
	}))
	require.NoError(b, s.Close())
	into := sinkFor(b, db)
	for _, c := range made {
		into.add(rowsOf(ws, c))
	}
	into.finish()
	return db
}

// tables are filled in this order, parents first.
var tables = []string{"conversations", "messages", "chunks", "embeddings"}

var columns = map[string][]string{
	"conversations": {"workspace_id", "id", "platform", "external_id", "title", "title_folded", "created_at", "updated_at",
		"pinned", "import_id", "message_count", "token_count", "chunk_count", "vector_count", "term_count", "revision", "index_state", "indexed_revision"},
	"messages":   {"workspace_id", "conversation_id", "position", "id", "external_id", "sender", "text", "created_at"},
	"chunks":     {"workspace_id", "conversation_id", "position", "first_message", "last_message", "parts", "text_sum", "terms", "term_count"},
	"embeddings": {"workspace_id", "conversation_id", "position", "model", "dimensions", "vector"},
	"imports":    {"workspace_id", "id", "kind", "platform", "conversations", "messages", "created_at"},
}

// termCountAt is the index of the count of terms in a conversation's row.
const termCountAt = 14

// rows are the rows of each table. A vector is a []float32 and terms are a slice of
// words; each sink converts them.
type rows map[string][][]any

func rowsOf(ws chat.WorkspaceID, c conversation) rows {
	w, now := int64(ws), time.Now().UnixMicro()
	r := rows{"conversations": {{w, c.id, "bench", c.id, "made up", "made up", now, now, false, c.id,
		len(c.messages), len(c.messages) * messageWords, len(c.chunks), len(c.vectors), 0, 1, stateOf(c), 1}}}
	for i, text := range c.messages {
		sender := []string{"human", "assistant"}[i%2]
		r["messages"] = append(r["messages"], []any{w, c.id, i, chat.NewID(), strconv.Itoa(i), sender, text, now})
	}
	perMessage, termCount := chunksEach/messagesEach, 0
	for i, text := range c.chunks {
		said := i / perMessage
		words := terms(ws, text)
		termCount += len(words)
		start := max(strings.Index(c.messages[said], text), 0)
		parts := store.EncodeParts(said, chat.Passage{Parts: []chat.Excerpt{{Position: said, Start: start, End: start + len(text)}}})
		r["chunks"] = append(r["chunks"], []any{w, c.id, i, said, said, parts, store.TextSum(text), words, len(words)})
		r["embeddings"] = append(r["embeddings"], []any{w, c.id, i, benchModel.ID, len(c.vectors[i]), c.vectors[i]})
	}
	r["conversations"][0][termCountAt] = termCount
	return r
}

func stateOf(c conversation) string {
	if len(c.chunks) == 0 {
		return "queued"
	}
	return "ready"
}

// words returns the terms of a chunk, with the prefix of their workspace.
type words []string

func terms(ws chat.WorkspaceID, text string) words {
	prefix := strconv.FormatInt(int64(ws), 36) + ":"
	list := strings.Fields(text)
	for i, w := range list {
		list[i] = prefix + w
	}
	return list
}

// sink accepts rows in bulk.
type sink interface {
	add(r rows)
	finish()
}

func sinkFor(b *testing.B, db storetest.Database) sink {
	if db.Kind == storetest.Postgres {
		return newCopier(b, db)
	}
	return newInserter(b, db)
}

// batch is the number of conversations in one write.
const batch = 100

// inserter fills SQLite with prepared statements, one batch in a transaction.
type inserter struct {
	b       *testing.B
	exec    func(query string, args ...any)
	pending []rows
	inTx    func(func(insert func(table string, row []any)))
	close   func() error
}

func newInserter(b *testing.B, db storetest.Database) *inserter {
	pool := db.PlainSQLite(b)
	ctx := context.Background()
	s := &inserter{b: b, exec: func(query string, args ...any) {
		_, err := pool.ExecContext(ctx, query, args...)
		require.NoError(b, err)
	}}
	s.close = pool.Close
	s.exec("PRAGMA synchronous = OFF")
	s.inTx = func(fn func(insert func(table string, row []any))) {
		tx, err := pool.BeginTx(ctx, nil)
		require.NoError(b, err)
		insert := map[string]func(row []any){}
		prepared := func(statement string) func(row []any) {
			stmt, err := tx.PrepareContext(ctx, statement)
			require.NoError(b, err)
			return func(row []any) {
				_, err := stmt.ExecContext(ctx, row...)
				require.NoError(b, err)
			}
		}
		for _, table := range tables {
			if table != "chunks" {
				insert[table] = prepared(insertStatement(table, 1))
			}
		}
		passage, index := prepared(passageStatement()), prepared("INSERT INTO chunks_fts (rowid, terms) VALUES (last_insert_rowid(), ?)")
		insert["chunks"] = func(row []any) { // the terms are in the full-text index alone
			passage(slices.Delete(slices.Clone(row), termsAt, termsAt+1))
			index(row[termsAt : termsAt+1])
		}
		fn(func(table string, row []any) { insert[table](sqliteRow(row)) })
		require.NoError(b, tx.Commit())
	}
	return s
}

// termsAt is the index of the terms in a passage's row.
const termsAt = 7

// passageStatement inserts a passage on SQLite.
func passageStatement() string {
	own := slices.DeleteFunc(slices.Clone(columns["chunks"]), func(c string) bool { return c == "terms" })
	return "INSERT INTO chunks (" + strings.Join(own, ", ") + ") VALUES (" + strings.TrimSuffix(strings.Repeat("?, ", len(own)), ", ") + ")"
}

// insertStatement returns a statement that inserts n rows into a table.
func insertStatement(table string, n int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns[table])), ", ") + ")"
	return "INSERT INTO " + table + " (" + strings.Join(columns[table], ", ") + ") VALUES " +
		strings.TrimSuffix(strings.Repeat(one+", ", n), ", ")
}

func sqliteRow(row []any) []any {
	out := make([]any, len(row))
	for i, v := range row {
		switch v := v.(type) {
		case []float32:
			out[i] = blob(v)
		case words:
			out[i] = strings.Join(v, " ")
		default:
			out[i] = v
		}
	}
	return out
}

func (s *inserter) add(r rows) {
	s.pending = append(s.pending, r)
	if len(s.pending) == batch {
		s.flush()
	}
}

func (s *inserter) flush() {
	s.inTx(func(insert func(table string, row []any)) {
		for _, r := range s.pending {
			for _, table := range tables {
				for _, row := range r[table] {
					insert(table, row)
				}
			}
		}
	})
	s.pending = nil
}

func (s *inserter) finish() {
	s.flush()
	s.exec("ANALYZE")
	s.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(s.b, s.close())
}

// copier fills PostgreSQL with COPY, one batch at a time. It builds the full-text index
// at the end, which is much faster.
type copier struct {
	b       *testing.B
	exec    func(query string)
	copy    func(table string, all [][]any)
	close   func() error
	pending rows
	n       int
}

func newCopier(b *testing.B, db storetest.Database) *copier {
	conn := db.PlainPostgres(b)
	ctx := context.Background()
	key := db.TermKey(b)
	s := &copier{b: b, pending: rows{}, close: func() error { return conn.Close(ctx) }}
	s.exec = func(query string) {
		_, err := conn.Exec(ctx, query)
		require.NoError(b, err, query)
	}
	s.copy = func(table string, all [][]any) {
		names, source := copying(table, all, key)
		_, err := conn.CopyFrom(ctx, []string{table}, names, source)
		require.NoError(b, err)
	}
	s.exec("DROP INDEX chunks_terms")
	return s
}

func (s *copier) add(r rows) {
	for table, list := range r {
		s.pending[table] = append(s.pending[table], list...)
	}
	if s.n++; s.n%batch == 0 {
		s.flush()
	}
}

func (s *copier) flush() {
	for _, table := range tables {
		s.copy(table, s.pending[table])
	}
	s.pending = rows{}
}

func (s *copier) finish() {
	s.flush()
	s.exec("CREATE INDEX chunks_terms ON chunks USING gin (terms)")
	s.exec("VACUUM ANALYZE")
	require.NoError(s.b, s.close())
}

// copying returns what COPY needs for rows of a table: the names of the columns and the values.
func copying(table string, all [][]any, key []byte) ([]string, *copied) {
	names := columns[table]
	if table == "chunks" {
		names = append(slices.Clone(names), "counts", "places")
	}
	return names, &copied{rows: all, key: key}
}

// copied passes rows to COPY.
type copied struct {
	rows [][]any
	key  []byte // of the terms
	next int
}

func (c *copied) Next() bool { c.next++; return c.next <= len(c.rows) }
func (c *copied) Err() error { return nil }

// Values returns the row in PostgreSQL's formats.
func (c *copied) Values() ([]any, error) {
	row := c.rows[c.next-1]
	out := make([]any, len(row))
	var more []any
	for i, v := range row {
		switch v := v.(type) {
		case []float32:
			out[i] = storetest.HalfVector(v)
		case words:
			numbers, counts, places := store.EncodeTerms(c.key, strings.Join(v, " "))
			out[i], more = numbers, []any{counts, places}
		default:
			out[i] = v
		}
	}
	return append(out, more...), nil
}
