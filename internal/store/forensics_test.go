package store_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// evidence is what the test searches the files for: every unique part of the
// conversations that it deletes.
type evidence struct {
	ids    []chat.ConversationID
	traces []trace
	terms  []trace // of the words of passages that must not be in any file
}

// trace is a unique sequence of bytes, and what it belongs to.
type trace struct {
	of    string
	bytes []byte
}

const (
	forensicChats  = 600 // in a smaller index FTS5 itself merges when a tenth is deleted, and nothing would be left to reclaim
	forensicDoomed = 50
	forensicDims   = 16
	longBody       = 5000 // bytes: so long that PostgreSQL stores it beside the table
)

// plant fills a workspace with indexed conversations, and returns the evidence of every
// twelfth.
func plant(t *testing.T, s *store.Store, ws chat.WorkspaceID) (e evidence) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same words in every run
	for i := range forensicChats {
		words := map[string]string{}
		word := func(kind string) string {
			words[kind] = fmt.Sprintf("%s%dx%08x", strings.ReplaceAll(kind, " ", ""), i, rng.Uint32())
			return words[kind]
		}
		long := strings.Repeat("-", longBody/2) + word("long body") + strings.Repeat("-", longBody/2)
		c := transcript(t, word("external id"), word("body")+" was said", "and answered", long)
		c.Title, c.UpdatedAt = word("title"), start.Add(time.Duration(rng.Uint64N(1e15))*time.Microsecond) // a unique time
		c.Source.Project, c.Source.Link = word("project"), "https://a.b/"+word("link")
		c.Sum = chat.UploadSum{1, byte(i), byte(i >> 8)}
		c.Turns[1].Branch, c.Turns[1].Files = word("branch"), []string{word("file")}
		createAll(t, s, ws, c)
		vector, halves := forensicVector(rng)
		x := store.Indexed{Model: testModel, Chunks: []store.IndexedChunk{
			{Text: "a passage", Terms: []string{word("term"), "common", "words", fmt.Sprint("bucket", i%7)}, Vector: vector},
		}}
		claim := claimOne(t, s)
		inTx(t, s, func(tx *store.Tx) error { return tx.FinishIndexing(claim, x) })
		if i%(forensicChats/forensicDoomed) != 0 {
			continue
		}
		e.ids = append(e.ids, c.ID)
		for kind, word := range words {
			if kind == "term" && s.Name() == storetest.Postgres { // it stores numbers
				e.terms = append(e.terms, trace{kind, []byte(word)})
				continue
			}
			if kind == "term" { // SQLite's index stores only the part of a term that differs from the term before it
				word = word[strings.LastIndexByte(word, 'x'):]
			}
			e.traces = append(e.traces, trace{kind, []byte(word)})
		}
		id, raw := uuid.MustParse(string(c.ID)), make([]byte, 0, 4*forensicDims)
		for _, f := range vector {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		}
		when := uint64(c.UpdatedAt.UnixMicro())
		if s.Name() == storetest.Postgres {
			raw = halves
			e.traces = append(e.traces, trace{"id", id[:]}, trace{"time", binary.LittleEndian.AppendUint64(nil, when)})
		} else {
			e.traces = append(e.traces, trace{"id", []byte(c.ID)}, trace{"time", binary.BigEndian.AppendUint64(nil, when)})
		}
		e.traces = append(e.traces, trace{"vector", raw}, trace{"hash", store.DeliveredHash(s.View(ctx), c.ID, c.Sum)})
	}
	require.Len(t, e.ids, forensicDoomed)
	return e
}

// forensicVector returns a vector whose numbers are from 1 to 2 with ten binary places,
// so that 32 and 16 bits represent them exactly. It also returns the 16-bit form, as
// pgvector stores it.
func forensicVector(rng *rand.Rand) (vector []float32, halves []byte) {
	for range forensicDims {
		places := uint16(rng.UintN(1 << 10))
		vector = append(vector, 1+float32(places)/(1<<10))
		halves = binary.LittleEndian.AppendUint16(halves, 15<<10|places) // the exponent's bias is 15
	}
	return vector, halves
}

func (e evidence) remove(t *testing.T, s *store.Store, ws chat.WorkspaceID) {
	t.Helper()
	require.Len(t, remove(t, s, ws, e.ids...), forensicDoomed)
}

// in returns the evidence that a file contains, as "kind in file", with the number of
// times.
func (e evidence) in(files map[string][]byte) map[string]int {
	found := map[string]int{}
	for name, content := range files {
		for _, trace := range e.traces {
			if bytes.Contains(content, trace.bytes) {
				found[trace.of+" in "+name]++
			}
		}
	}
	return found
}

// requirePlanted checks that all evidence can be found before the delete.
func (e evidence) requirePlanted(t *testing.T, files map[string][]byte) {
	t.Helper()
	require.GreaterOrEqual(t, len(e.traces), 7*forensicDoomed)
	all := slices.Concat(slices.Collect(func(yield func([]byte) bool) {
		for _, content := range files {
			if !yield(content) {
				return
			}
		}
	})...)
	for _, trace := range e.traces {
		require.True(t, bytes.Contains(all, trace.bytes), "no %s was written", trace.of)
	}
}

// When a receipt says that the storage is reclaimed, no file of the data directory
// contains a byte of what was deleted: no page, not the full-text index, not the log.
func TestReclaimedMeansGoneFromEveryFile(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	e := plant(t, s, ws)
	e.requirePlanted(t, dataDirectory(t, db))
	e.remove(t, s, ws)
	settled, err := s.Reclaim(ctx, store.Reclaiming{})
	require.NoError(t, err)
	require.Equal(t, 1, settled)
	require.Empty(t, e.in(dataDirectory(t, db)))
}

// dataDirectory returns the content of every file in the database's folder.
func dataDirectory(t *testing.T, db storetest.Database) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(filepath.Dir(db.Options().Path), "*"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	files := map[string][]byte{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		files[filepath.Base(name)] = content
	}
	return files
}

// After `lethe reclaim --now --full` the same is true on PostgreSQL, for every file in
// the database's directory: tables, TOAST, indexes, catalogues with the planner's
// statistics, and files without a relation.
func TestFullyReclaimedMeansGoneFromEveryFileOfPostgres(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, fullyReclaimedMeansGoneFromEveryFileOfPostgres)
}

func fullyReclaimedMeansGoneFromEveryFileOfPostgres(t *testing.T) {
	t.Parallel()
	db := storetest.NewServer(t).Database(t) // on the shared server, it would have to wait for transactions of other tests
	s := db.OpenLimited(t, forensicChats/2)
	ws := workspace(t, s, "w")
	conn := db.Postgres(t)
	// A text is compressed by default. Its bytes could then not be found even before the
	// delete.
	_, err := conn.Exec(ctx, "ALTER TABLE messages ALTER COLUMN text SET STORAGE EXTERNAL")
	require.NoError(t, err)
	e := plant(t, s, ws)
	require.NoError(t, s.BuildVectorIndex(ctx, store.VectorSpace{Workspace: ws, Model: testModel.ID, Dimensions: forensicDims}))
	e.traces = append(e.traces, unitVectors(t, conn, e.ids)...)
	e.traces = append(e.traces, numbersOfTerms(t, conn, e.ids)...)
	_, err = conn.Exec(ctx, "ANALYZE") // as PostgreSQL does by itself, sooner or later
	require.NoError(t, err)
	before := databaseFiles(t, conn)
	e.requirePlanted(t, before)
	require.Subset(t, places(e.in(before)), []string{
		"title in conversations", "body in messages", "long body in pg_toast", "terms in chunks", "vector in embeddings",
		"external id in conversations_workspace_id_platform_external_id_key", "unit vector in embeddings_ann",
		"id in messages_pkey", "id in pg_statistic", "project in conversations", "link in conversations", "branch in messages", "file in messages",
		"hash in conversations",
	}, "the test looks into all of these")
	require.Empty(t, evidence{traces: e.terms}.in(before), "no file contains a word of the full-text index")

	for place := range e.in(before) {
		if strings.HasSuffix(place, "pg_statistic") || strings.HasSuffix(place, "pg_toast_2619") { // statistics of the planner
			require.Contains(t, []string{"id", "external id", "time"}, place[:strings.Index(place, " in ")], "the planner samples no texts: %s", place)
		}
	}

	e.remove(t, s, ws)
	settled, err := s.Reclaim(ctx, store.Reclaiming{Full: true})
	require.NoError(t, err)
	require.Equal(t, 1, settled)
	require.Empty(t, e.in(databaseFiles(t, conn)))
	requireSound(t, db)
}

// unitVectors returns the vectors as an index of cosines stores them.
func unitVectors(t *testing.T, conn *pgx.Conn, ids []chat.ConversationID) (traces []trace) {
	t.Helper()
	rows, err := conn.Query(ctx, "SELECT halfvec_send(l2_normalize(vector)) FROM embeddings WHERE conversation_id = ANY ($1)", ids)
	require.NoError(t, err)
	var sent []byte
	_, err = pgx.ForEachRow(rows, []any{&sent}, func() error {
		numbers := slices.Clone(sent[len(sent)-2*forensicDims:])
		for i := 0; i < len(numbers); i += 2 { // each number is sent with the high byte first
			numbers[i], numbers[i+1] = numbers[i+1], numbers[i]
		}
		traces = append(traces, trace{"unit vector", numbers})
		return nil
	})
	require.NoError(t, err)
	return traces
}

// numbersOfTerms returns the numbers of the terms of passages as an array stores them.
func numbersOfTerms(t *testing.T, conn *pgx.Conn, ids []chat.ConversationID) (traces []trace) {
	t.Helper()
	rows, err := conn.Query(ctx, "SELECT terms FROM chunks WHERE conversation_id = ANY ($1)", ids)
	require.NoError(t, err)
	var numbers []int32
	_, err = pgx.ForEachRow(rows, []any{&numbers}, func() error {
		var stored []byte
		for _, n := range numbers {
			stored = binary.LittleEndian.AppendUint32(stored, uint32(n))
		}
		traces = append(traces, trace{"terms", stored})
		return nil
	})
	require.NoError(t, err)
	return traces
}

// places returns the keys of found, without the numbers in file names.
func places(found map[string]int) (names []string) {
	for name := range found {
		for _, numbered := range []string{"pg_toast", "embeddings_ann"} {
			if before, _, ok := strings.Cut(name, numbered); ok {
				name = before + numbered
			}
		}
		names = append(names, name)
	}
	return names
}

// databaseFiles reads every file of a PostgreSQL database's directory over a superuser's
// connection, on any server. The keys are the names of the relations.
func databaseFiles(t *testing.T, conn *pgx.Conn) map[string][]byte {
	t.Helper()
	_, err := conn.Exec(ctx, "CHECKPOINT") // writes memory to the files and removes files without an owner
	require.NoError(t, err)
	rows, err := conn.Query(ctx, `
		SELECT coalesce(CAST(pg_filenode_relation(0, CAST(substring(name from '^\d+') AS oid)) AS regclass)::text, '') || ' ' || name,
			pg_read_binary_file(dir || '/' || name, true)
		FROM (SELECT regexp_replace(pg_relation_filepath('pg_class'), '/[^/]*$', '') AS dir) AS directory, pg_ls_dir(dir) AS name`)
	require.NoError(t, err)
	files := map[string][]byte{}
	var name string
	var content []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &content}, func() error {
		relation, file, _ := strings.Cut(name, " ")
		if relation == "" {
			relation = file
		}
		files[relation] = append(files[relation], content...)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(files), 100)
	return files
}
