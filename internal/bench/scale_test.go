package bench_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/internal/upkeep"
)

// meanings generates vectors like those of texts: they form clusters, and few of their
// many dimensions are independent. Random directions would all be equally far from each
// other.
type meanings struct {
	rng     *rand.Rand
	mixture [][]float32 // what each of the inner dimensions adds to the outer ones
	centres [][]float32
}

const innerDimensions, bunches = 32, 1000

func newMeanings(seed uint64, dimensions int) *meanings {
	m := &meanings{rng: rand.New(rand.NewPCG(seed, 1))}
	for range innerDimensions {
		m.mixture = append(m.mixture, m.normal(dimensions, 1))
	}
	for range bunches {
		m.centres = append(m.centres, m.normal(innerDimensions, 1))
	}
	return m
}

func (m *meanings) normal(n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(m.rng.NormFloat64() * scale)
	}
	return v
}

// vector returns a vector of a cluster, of unit length.
func (m *meanings) vector() []float32 {
	centre := m.centres[m.rng.IntN(len(m.centres))]
	out := m.normal(len(m.mixture[0]), 0.5)
	for i, part := range m.mixture {
		weight := centre[i] + float32(m.rng.NormFloat64()*0.6)
		for j, x := range part {
			out[j] += weight * x
		}
	}
	var sum float64
	for _, x := range out {
		sum += float64(x) * float64(x)
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range out {
		out[i] *= scale
	}
	return out
}

// crowded creates a PostgreSQL database with n chunks in each workspace, without the
// checks and indexes that would make it slow, and returns the conversations. fill
// generates the content of a conversation.
func crowded(b *testing.B, sizes map[string]int, fill func(id string) conversation) (storetest.Database, map[string][]string) {
	b.Helper()
	db := storetest.New(b, storetest.Postgres)
	s := open(b, db)
	conn := db.PlainPostgres(b)
	execute := func(statement string) {
		_, err := conn.Exec(b.Context(), statement)
		require.NoError(b, err, statement)
	}
	execute("SET session_replication_role = replica") // do not check foreign keys
	execute("DROP INDEX chunks_terms")
	key := db.TermKey(b)
	execute("ALTER TABLE embeddings SET (autovacuum_enabled = off)") // it would run at any time
	ids := map[string][]string{}
	for name, chunks := range sizes {
		var ws chat.WorkspaceID
		require.NoError(b, s.InTx(b.Context(), func(tx *store.Tx) (err error) {
			ws, err = tx.EnsureWorkspace(name)
			return err
		}))
		for len(ids[name])*chunksEach < chunks {
			pending := rows{}
			for range min(batch, chunks/chunksEach-len(ids[name])) {
				made := fill(chat.NewID())
				ids[name] = append(ids[name], made.id)
				for table, list := range rowsOf(ws, made) {
					pending[table] = append(pending[table], list...)
				}
			}
			for _, table := range tables {
				names, source := copying(table, pending[table], key)
				_, err := conn.CopyFrom(b.Context(), []string{table}, names, source)
				require.NoError(b, err)
			}
		}
	}
	execute("CREATE INDEX chunks_terms ON chunks USING gin (terms)")
	execute("VACUUM ANALYZE")
	return db, ids
}

// BenchmarkDeleteAtSize deletes fifty conversations, like BenchmarkDelete, from a table
// of ten thousand chunks and from a large one, both with a vector index over all. Only
// the deleted conversations are of full size. The others have short texts, and all
// vectors have few dimensions, so that they are generated in minutes.
func BenchmarkDeleteAtSize(b *testing.B) {
	if *database != storetest.Postgres {
		return // the embedded store has no vector index
	}
	const few, dims, rounds, each = 10_000, 64, 15, 50
	many := 100_000
	if *large {
		many = 1_000_000
	}
	type table struct {
		chunks  int
		remove  func(round int)
		doomed  []string
		service *service
	}
	var sized []*table
	for _, chunks := range []int{few, many} {
		texts, vectors := newCorpus(7), newMeanings(7, dims)
		made := 0
		db, ids := crowded(b, map[string]int{"bench": chunks + rounds*each*chunksEach}, func(id string) conversation {
			c := conversation{id: id, messages: slices.Repeat([]string{"said"}, messagesEach)}
			words := 3
			if made++; made > chunks/chunksEach/2 && made <= chunks/chunksEach/2+rounds*each {
				words = chunkWords
				for i := range c.messages {
					c.messages[i] = texts.text(messageWords)
				}
			}
			for range chunksEach {
				c.chunks, c.vectors = append(c.chunks, texts.text(words)), append(c.vectors, vectors.vector())
			}
			return c
		})
		service := start(b, db, directions{})
		began := time.Now()
		require.NoError(b, service.store.BuildVectorIndex(b.Context(), store.VectorSpace{Workspace: 1, Model: benchModel.ID, Dimensions: dims}))
		b.Logf("%d chunks: the vector index took %v", chunks, time.Since(began).Round(time.Second))
		half := chunks / chunksEach / 2
		sized = append(sized, &table{chunks: chunks, doomed: ids["bench"][half : half+rounds*each], service: service})
	}
	for _, t := range sized {
		client := t.service.client(b, "bench")
		t.remove = func(round int) {
			answer, err := client.Delete(b.Context(), t.doomed[round*each:(round+1)*each]...)
			require.NoError(b, err)
			require.Equal(b, each, answer.Count)
		}
	}
	b.Run(fmt.Sprintf("chunks=%d-and-%d", many, few), func(b *testing.B) {
		duel{ours: sized[1].remove, plain: sized[0].remove}.run(b, rounds)
	})
}

// nearby are the sizes, in chunks, of the workspaces that are searched for the nearest
// vectors.
func nearby() []int {
	if *large {
		return []int{1000, 50_000, 500_000}
	}
	return []int{1000, 50_000}
}

// BenchmarkNearest searches workspaces of several sizes in one database for the nearest
// vectors: like the service, with the indexes of the upkeep, and with the one statement
// that it needs. Recall is that of the ten nearest, compared with exact search. Then
// three quarters of each workspace are deleted without a vacuum, and it is measured
// again.
func BenchmarkNearest(b *testing.B) {
	if *database != storetest.Postgres {
		return // the embedded store always compares with all
	}
	const dims, rounds = 256, 201
	vectors := newMeanings(8, dims)
	sizes := map[string]int{}
	for _, chunks := range nearby() {
		sizes[workspaceOf(chunks)] = chunks
	}
	db, ids := crowded(b, sizes, func(id string) conversation {
		c := conversation{id: id, chunks: slices.Repeat([]string{"said"}, chunksEach)}
		for range chunksEach {
			c.vectors = append(c.vectors, vectors.vector())
		}
		return c
	})
	ours := open(b, db)
	began := time.Now()
	require.NoError(b, upkeep.New(upkeep.Options{Store: ours}).Once(b.Context()))
	indexes, err := ours.VectorIndexes(b.Context())
	require.NoError(b, err)
	b.Logf("%d vector indexes were built in %v", len(indexes), time.Since(began).Round(time.Second))
	exact := openExact(b, db)
	for _, kept := range []string{"all", "a-quarter"} {
		for _, chunks := range nearby() {
			ws, err := ours.View(b.Context()).Workspace(workspaceOf(chunks))
			require.NoError(b, err)
			if kept != "all" {
				gone := ids[workspaceOf(chunks)]
				removeAll(b, ours, ws, gone[:len(gone)*3/4])
			}
			plain := plainNearest(b, db, ws, dims, len(indexes) > 0 && !comparesAll(b, ours, ws, dims))
			b.Run(fmt.Sprintf("chunks=%d/kept=%s", chunks, kept), func(b *testing.B) {
				var query []float32
				t := duel{
					prepare: func(int) { query = vectors.vector() },
					ours:    func(int) { require.Len(b, nearest(b, ours, ws, query), legSize) },
					plain:   func(int) { require.Equal(b, legSize, plain(query)) },
				}.run(b, rounds)
				b.ReportMetric(ms(quantile(t.ours, 0.95)), "ours-p95-ms")
				b.ReportMetric(ms(quantile(t.plain, 0.95)), "plain-p95-ms")
				b.ReportMetric(float64(quantile(t.ours, 0.95))/float64(quantile(t.plain, 0.95)), "p95-x-plain")
				b.ReportMetric(recall(b, ours, exact, ws, vectors), "recall@10")
			})
		}
	}
}

func space(dims int) embed.Model { return embed.Model{ID: benchModel.ID, Dimensions: dims} }

func nearest(b *testing.B, s *store.Store, ws chat.WorkspaceID, query []float32) []rank.Scored {
	found, err := s.View(b.Context()).SearchSemantic(ws, space(len(query)), query, chat.Filter{})
	require.NoError(b, err)
	return found
}

// recall returns the mean share of the ten nearest that are found.
func recall(b *testing.B, ours, exact *store.Store, ws chat.WorkspaceID, vectors *meanings) float64 {
	const queries, best = 100, 10
	hits := 0
	for range queries {
		query := vectors.vector()
		found := nearest(b, ours, ws, query)[:best]
		for _, right := range nearest(b, exact, ws, query)[:best] {
			if slices.ContainsFunc(found, func(s rank.Scored) bool { return s.Key == right.Key }) {
				hits++
			}
		}
	}
	return float64(hits) / (queries * best)
}

func openExact(b *testing.B, db storetest.Database) *store.Store {
	o := db.Options()
	o.Trace, o.ExactLimit = nil, math.MaxInt
	s, err := store.Open(b.Context(), o)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return s
}

// comparesAll reports whether a workspace is searched without an index.
func comparesAll(b *testing.B, s *store.Store, ws chat.WorkspaceID, dims int) bool {
	how, err := s.View(b.Context()).VectorSearch(ws, benchModel.ID, dims)
	require.NoError(b, err)
	return how == chat.VectorsExact
}

func removeAll(b *testing.B, s *store.Store, ws chat.WorkspaceID, ids []string) {
	for chunk := range slices.Chunk(ids, 5000) {
		part := make([]chat.ConversationID, len(chunk))
		for i, id := range chunk {
			part[i] = chat.ConversationID(id)
		}
		require.NoError(b, s.InTx(b.Context(), func(tx *store.Tx) error {
			gone, _, err := tx.DeleteConversations(ws, part, chat.DeleteOptions{})
			require.Len(b, gone, len(part))
			return err
		}))
	}
}

// indexSettings make an HNSW index find the hundred nearest, also past entries of deleted
// rows. By default pgvector examines forty.
const indexSettings = `SELECT set_config('hnsw.ef_search', '200', true),
	set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.max_scan_tuples', '200000', true)`

// plainNearest returns a function that reads the hundred nearest with SQL only: with the
// workspace's index, in a transaction with the necessary settings, or by comparing all.
func plainNearest(b *testing.B, db storetest.Database, ws chat.WorkspaceID, dims int, indexed bool) func(query []float32) int {
	query := newPostgresReader(b, db).query
	column, before, after := "(vector <=> $1) + 0", []string{}, []string{}
	if indexed {
		column = fmt.Sprintf("CAST(vector AS halfvec(%d)) <=> $1", dims)
		before, after = []string{"BEGIN", indexSettings}, []string{"COMMIT"}
	}
	// Only for a workspace that is written down is its index considered.
	statement := fmt.Sprintf(`SELECT conversation_id, position, %s AS distance FROM embeddings
		WHERE workspace_id = %d AND model = '%s' AND dimensions = %d ORDER BY distance LIMIT %d`, column, ws, benchModel.ID, dims, legSize)
	return func(vector []float32) (n int) {
		for _, s := range before {
			query(func(scanner) {}, s)
		}
		query(func(row scanner) {
			var a at
			require.NoError(b, row.Scan(&a.conversation, &a.position, &a.score))
			n++
		}, statement, storetest.HalfVector(vector))
		for _, s := range after {
			query(func(scanner) {}, s)
		}
		return n
	}
}
