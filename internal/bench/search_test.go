package bench_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// searched are the sizes of the searched workspaces, in chunks.
var searched = []int{1000}

// The defaults of a search request.
const (
	legSize    = 100
	hits       = 20
	neighbours = 2 // passages of context on either side of a hit
)

// BenchmarkSearch searches with the service over HTTP, and with SQL only for what the
// answer needs: the best hundred of each leg in the simplest statement that finds them,
// and the texts of twenty passages with their neighbours. The SQL ranks with the
// database's own functions, which are worse.
func BenchmarkSearch(b *testing.B) {
	sizes := map[string]int{}
	for _, chunks := range searched {
		sizes[workspaceOf(chunks)] = chunks / chunksEach
	}
	c := newCorpus(5)
	source, _ := filled(b, *database, c, sizes)
	ours, plain := source.Clone(b), source.Clone(b)
	service := start(b, ours, directions{})
	reader := newReader(b, plain)
	for _, chunks := range searched {
		client := service.client(b, workspaceOf(chunks))
		var ws chat.WorkspaceID
		ws, err := service.store.View(b.Context()).Workspace(workspaceOf(chunks))
		require.NoError(b, err)
		for _, mode := range []api.SearchMode{"keyword", "semantic", "hybrid"} {
			b.Run(fmt.Sprintf("chunks=%d/%s", chunks, mode), func(b *testing.B) {
				var query string
				t := duel{
					prepare: func(round int) { query = c.query(2 + round%5) }, // 2 to 6 words
					ours: func(int) {
						answer, err := client.Search(b.Context(), api.SearchRequest{Query: query, Mode: &mode})
						require.NoError(b, err)
						require.Equal(b, mode, answer.Mode)
						require.NotEmpty(b, answer.Results)
					},
					plain: func(int) { require.NotEmpty(b, plainSearch(reader, ws, mode, query)) },
				}.run(b, 601)
				b.ReportMetric(ms(quantile(t.ours, 0.95)), "ours-p95-ms")
				b.ReportMetric(ms(quantile(t.plain, 0.95)), "plain-p95-ms")
			})
		}
	}
}

// BenchmarkWords searches for passages with some common and some rare words in a workspace of fifty thousand, once
// with the store and once with the ranking of the database itself. Most of the made-up words are far more common than
// words of a language without its stop words.
func BenchmarkWords(b *testing.B) {
	const chunks = 50_000
	c := newCorpus(6)
	source, _ := filled(b, *database, c, map[string]int{"bench": chunks / chunksEach})
	ours, plain := source.Clone(b), source.Clone(b)
	s, reader := open(b, ours), newReader(b, plain)
	for _, words := range []int{2, 6, 12} {
		b.Run(fmt.Sprintf("chunks=%d/words=%d", chunks, words), func(b *testing.B) {
			var query string
			duel{
				prepare: func(int) { query = c.query(words) },
				ours: func(int) {
					found, err := s.View(b.Context()).SearchKeyword(1, store.Words{Terms: strings.Fields(query)}, chat.Filter{})
					require.NoError(b, err)
					require.NotEmpty(b, found.Passages)
				},
				plain: func(int) { require.NotEmpty(b, reader.keyword(1, query)) },
			}.run(b, 41)
		})
	}
}

func workspaceOf(chunks int) string { return fmt.Sprintf("chunks-%d", chunks) }

// at is a passage's key and its score.
type at struct {
	conversation string
	position     int
	score        float64
}

// reader searches a database with plain SQL.
type reader interface {
	keyword(ws chat.WorkspaceID, query string) []at
	semantic(ws chat.WorkspaceID, query []float32) []at
	passages(ws chat.WorkspaceID, keys []at) int
}

func plainSearch(r reader, ws chat.WorkspaceID, mode api.SearchMode, query string) int {
	var found []at
	if mode != "semantic" {
		found = append(found, r.keyword(ws, query)...)
	}
	if mode != "keyword" {
		found = append(found, r.semantic(ws, direction(query))...)
	}
	return r.passages(ws, found[:min(len(found), hits)])
}

func newReader(b *testing.B, db storetest.Database) reader {
	if db.Kind == storetest.Postgres {
		addWords(b, db)
		return newPostgresReader(b, db)
	}
	return newSQLiteReader(b, db)
}

// scanner is a row of either driver.
type scanner interface{ Scan(into ...any) error }

type sqliteReader struct {
	b     *testing.B
	query func(each func(scanner), sql string, args ...any)
}

func newSQLiteReader(b *testing.B, db storetest.Database) reader {
	pool := db.PlainSQLite(b)
	return sqliteReader{b: b, query: func(each func(scanner), sql string, args ...any) {
		rows, err := pool.QueryContext(context.Background(), sql, args...)
		require.NoError(b, err)
		for rows.Next() {
			each(rows)
		}
		require.NoError(b, rows.Err())
		require.NoError(b, rows.Close())
	}}
}

func (r sqliteReader) keyword(ws chat.WorkspaceID, query string) (found []at) {
	r.query(func(row scanner) {
		var a at
		require.NoError(r.b, row.Scan(&a.conversation, &a.position, &a.score))
		found = append(found, a)
	}, `SELECT chunks.conversation_id, chunks.position, found.score
		FROM (SELECT rowid, bm25(chunks_fts) AS score FROM chunks_fts WHERE chunks_fts MATCH ? ORDER BY score LIMIT ?) AS found
		JOIN chunks ON chunks.id = found.rowid`, `"`+strings.Join(terms(ws, query), `" OR "`)+`"`, legSize)
	return found
}

// semantic reads every vector, because SQLite has no function for it.
func (r sqliteReader) semantic(ws chat.WorkspaceID, query []float32) (found []at) {
	worst := math.Inf(-1)
	r.query(func(row scanner) {
		var id string
		var position int
		var raw []byte
		require.NoError(r.b, row.Scan(&id, &position, &raw))
		if score := dot(raw, query); score > worst || len(found) < legSize {
			found = append(found, at{id, position, score})
		}
		if len(found) == 2*legSize {
			found = best(found)
			worst = found[legSize-1].score
		}
	}, "SELECT conversation_id, position, vector FROM embeddings WHERE workspace_id = ? AND model = ?", int64(ws), benchModel.ID)
	return best(found)
}

func dot(raw []byte, query []float32) (sum float64) {
	var s float32
	for i, x := range query {
		s += x * math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return float64(s)
}

func best(found []at) []at {
	slices.SortFunc(found, func(a, b at) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return found[:min(len(found), legSize)]
}

func (r sqliteReader) passages(ws chat.WorkspaceID, keys []at) (n int) {
	list, err := json.Marshal(around(keys))
	require.NoError(r.b, err)
	r.query(func(row scanner) {
		require.NoError(r.b, row.Scan(passage()...))
		n++
	}, passagesSQL("json_each(?) AS wanted",
		"wanted.value ->> 0", "wanted.value ->> 1")+"?", string(list), int64(ws))
	return n
}

// around returns the keys of passages and their neighbours.
func around(keys []at) (all [][2]any) {
	for _, k := range keys {
		for p := max(k.position-neighbours, 0); p <= k.position+neighbours; p++ {
			all = append(all, [2]any{k.conversation, p})
		}
	}
	return all
}

// passagesSQL reads the passages with the given keys, with the fields of an answer. Its
// last placeholder is the workspace.
func passagesSQL(wanted, conversation, position string) string {
	return `SELECT chunks.conversation_id, chunks.position, conversations.title, substr(messages.text, 1, 1500), messages.id, messages.sender, messages.created_at
		FROM ` + wanted + `
		JOIN chunks ON chunks.conversation_id = ` + conversation + ` AND chunks.position = ` + position + `
		JOIN conversations ON conversations.workspace_id = chunks.workspace_id AND conversations.id = chunks.conversation_id
		JOIN messages ON messages.workspace_id = chunks.workspace_id AND messages.conversation_id = chunks.conversation_id
			AND messages.position = chunks.first_message
		WHERE chunks.workspace_id = `
}

// passage returns the values of a row of passagesSQL.
func passage() []any {
	var conversation, title, text, message, sender string
	var position, created int64
	return []any{&conversation, &position, &title, &text, &message, &sender, &created}
}

type postgresReader struct {
	b     *testing.B
	query func(each func(scanner), sql string, args ...any)
}

// addWords adds the words of passages as PostgreSQL stores and ranks them by itself.
func addWords(b *testing.B, db storetest.Database) {
	b.Helper()
	conn := db.PlainPostgres(b)
	for _, statement := range []string{
		"ALTER TABLE chunks ADD COLUMN words tsvector",
		// Each passage is one of the equal parts of its message.
		fmt.Sprintf(`UPDATE chunks SET words = to_tsvector('simple', array_to_string((string_to_array(m.text, ' '))
			[chunks.position %% %[1]d * %[2]d + 1 : (chunks.position %% %[1]d + 1) * %[2]d], ' '))
			FROM messages AS m WHERE m.workspace_id = chunks.workspace_id AND m.conversation_id = chunks.conversation_id
				AND m.position = chunks.first_message`, chunksEach/messagesEach, chunkWords),
		"CREATE INDEX chunks_words ON chunks USING gin (words)",
		"VACUUM FULL chunks", "ANALYZE chunks",
	} {
		_, err := conn.Exec(b.Context(), statement)
		require.NoError(b, err)
	}
}

func newPostgresReader(b *testing.B, db storetest.Database) postgresReader {
	conn := db.PlainPostgres(b)
	return postgresReader{b: b, query: func(each func(scanner), sql string, args ...any) {
		rows, err := conn.Query(context.Background(), sql, args...)
		require.NoError(b, err)
		for rows.Next() {
			each(rows)
		}
		require.NoError(b, rows.Err())
	}}
}

func (r postgresReader) keyword(ws chat.WorkspaceID, query string) (found []at) {
	r.query(func(row scanner) {
		var a at
		require.NoError(r.b, row.Scan(&a.conversation, &a.position, &a.score))
		found = append(found, a)
	}, `SELECT conversation_id, position, ts_rank(words, query) AS score
		FROM chunks, CAST($2::text AS tsquery) AS query
		WHERE workspace_id = $1 AND words @@ query ORDER BY score DESC LIMIT $3`,
		int64(ws), strings.Join(strings.Fields(query), " | "), legSize)
	return found
}

func (r postgresReader) semantic(ws chat.WorkspaceID, query []float32) (found []at) {
	r.query(func(row scanner) {
		var a at
		require.NoError(r.b, row.Scan(&a.conversation, &a.position, &a.score))
		found = append(found, a)
	}, `SELECT conversation_id, position, vector <=> $2 AS distance FROM embeddings
		WHERE workspace_id = $1 AND model = $3 AND dimensions = $4 ORDER BY distance LIMIT $5`,
		int64(ws), storetest.HalfVector(query), benchModel.ID, dimensions, legSize)
	return found
}

func (r postgresReader) passages(ws chat.WorkspaceID, keys []at) (n int) {
	var conversations []string
	var positions []int
	for _, k := range around(keys) {
		conversations, positions = append(conversations, k[0].(string)), append(positions, k[1].(int))
	}
	r.query(func(row scanner) {
		require.NoError(r.b, row.Scan(passage()...))
		n++
	}, passagesSQL("unnest($1::uuid[], $2::int[]) AS wanted (conversation, position)",
		"wanted.conversation", "wanted.position")+"$3", conversations, positions, int64(ws))
	return n
}
