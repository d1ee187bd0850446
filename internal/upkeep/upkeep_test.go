package upkeep

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestPlanIndexes(t *testing.T) {
	space := func(ws chat.WorkspaceID, n int) store.VectorSpace {
		return store.VectorSpace{Workspace: ws, Model: "m", Dimensions: 8, Vectors: n}
	}
	index := func(ws chat.WorkspaceID, valid, building bool) store.VectorIndex {
		return store.VectorIndex{VectorSpace: space(ws, 0), Name: fmt.Sprint("x", ws), Valid: valid, Building: building}
	}
	for _, test := range []struct {
		name        string
		spaces      []store.VectorSpace
		indexes     []store.VectorIndex
		drop, build []chat.WorkspaceID
	}{
		{"nothing is large", nil, nil, nil, nil},
		{"one has outgrown", []store.VectorSpace{space(1, 101)}, nil, nil, []chat.WorkspaceID{1}},
		{"at the limit it has not", []store.VectorSpace{space(1, 100)}, nil, nil, nil},
		{"it has its index", []store.VectorSpace{space(1, 101)}, []store.VectorIndex{index(1, true, false)}, nil, nil},
		{"shrunk, but not by much", []store.VectorSpace{space(1, 60)}, []store.VectorIndex{index(1, true, false)}, nil, nil},
		{"shrunk", nil, []store.VectorIndex{index(1, true, false)}, []chat.WorkspaceID{1}, nil},
		{"a failed build", []store.VectorSpace{space(1, 101)}, []store.VectorIndex{index(1, false, false)}, []chat.WorkspaceID{1}, []chat.WorkspaceID{1}},
		{"a build under way", []store.VectorSpace{space(1, 101)}, []store.VectorIndex{index(1, false, true)}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := planIndexes(test.spaces, test.indexes, 100)
			var drop, build []chat.WorkspaceID
			for _, x := range plan.drop {
				drop = append(drop, x.Workspace)
			}
			for _, s := range plan.build {
				build = append(build, s.Workspace)
			}
			require.Equal(t, test.drop, drop, "drop")
			require.Equal(t, test.build, build, "build")
		})
	}
}

const (
	dimensions = 64
	perChat    = 50
)

var model = embed.Model{ID: "it's a \"test\"", Dimensions: dimensions}

// filled is a database in which one workspace is too large for exact search and another is
// not.
type filled struct {
	t            *testing.T
	store        *store.Store
	db           storetest.Database
	large, small chat.WorkspaceID
	chats        []chat.ConversationID // of the large workspace
	rng          *rand.Rand
}

func fill(t *testing.T, chats int) *filled {
	t.Helper()
	f := &filled{t: t, db: storetest.New(t, storetest.Postgres), rng: rand.New(rand.NewPCG(3, 4))}
	f.store = f.db.OpenLimited(t, 1000)
	f.large, f.small = f.workspace("large"), f.workspace("small")
	for i := range chats {
		f.chats = append(f.chats, f.add(f.large, fmt.Sprint("l", i), perChat))
	}
	f.add(f.small, "s", perChat)
	return f
}

func (f *filled) workspace(name string) (ws chat.WorkspaceID) {
	require.NoError(f.t, f.store.InTx(context.Background(), func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace(name)
		return err
	}))
	return ws
}

// vector returns a vector near one of a few dozen centers, because vectors of texts form
// clusters.
func (f *filled) vector() []float32 {
	center := rand.New(rand.NewPCG(9, f.rng.Uint64N(40)))
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(center.NormFloat64() + 0.5*f.rng.NormFloat64())
	}
	return v
}

func (f *filled) add(ws chat.WorkspaceID, name string, chunks int) chat.ConversationID {
	u, err := chat.Upload{ExternalID: name, Messages: []chat.UploadMessage{{Role: "user", Text: name}}}.Validate(time.Now())
	require.NoError(f.t, err)
	fresh := chat.NewTranscript(u)
	fresh.ImportID = chat.NewID()
	x := store.Indexed{Model: model}
	for i := range chunks {
		x.Chunks = append(x.Chunks, store.IndexedChunk{Position: i, Text: name, Terms: []string{"w"}, Vector: f.vector()})
	}
	require.NoError(f.t, f.store.InTx(context.Background(), func(tx *store.Tx) error {
		if _, err := tx.CreateConversation(ws, fresh); err != nil {
			return err
		}
		claims, err := tx.Claim(time.Minute, 1, true)
		if err != nil {
			return err
		}
		return tx.FinishIndexing(claims[0], x)
	}))
	return fresh.ID
}

// recall returns the share of the ten nearest vectors by exact search that a search finds.
func (f *filled) recall(ws chat.WorkspaceID) float64 {
	exact := f.db.OpenLimited(f.t, 1<<30)
	hits, total := 0, 0
	for range 40 {
		q := f.vector()
		want, err := exact.View(context.Background()).SearchSemantic(ws, model, q, chat.Filter{})
		require.NoError(f.t, err)
		got, err := f.store.View(context.Background()).SearchSemantic(ws, model, q, chat.Filter{})
		require.NoError(f.t, err)
		found := map[rank.Key]bool{}
		for _, s := range got[:min(10, len(got))] {
			found[s.Key] = true
		}
		for _, s := range want[:min(10, len(want))] {
			total++
			if found[s.Key] {
				hits++
			}
		}
	}
	return float64(hits) / float64(total)
}

func (f *filled) indexes() []store.VectorIndex {
	indexes, err := f.store.VectorIndexes(context.Background())
	require.NoError(f.t, err)
	return indexes
}

func TestALargeWorkspaceGetsAnIndexOfItsOwn(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, aLargeWorkspaceGetsAnIndexOfItsOwn)
}

func aLargeWorkspaceGetsAnIndexOfItsOwn(t *testing.T) {
	t.Parallel()
	f := fill(t, 60)
	require.NoError(t, New(Options{Store: f.store}).Once(context.Background()))
	indexes := f.indexes()
	require.Len(t, indexes, 1)
	require.Equal(t, f.large, indexes[0].Workspace)
	require.Equal(t, model.ID, indexes[0].Model)
	require.True(t, indexes[0].Valid)
	require.GreaterOrEqual(t, f.recall(f.large), 0.98)
	require.Eventually(t, func() bool { return f.scans(indexes[0].Name) >= 40 }, 20*time.Second, 20*time.Millisecond, "the searches must have used the index")
	require.InDelta(t, 1, f.recall(f.small), 0)

	// Three quarters are deleted, and there was no vacuum yet.
	require.NoError(t, f.store.InTx(context.Background(), func(tx *store.Tx) error {
		_, _, err := tx.DeleteConversations(f.large, f.chats[:30], chat.DeleteOptions{})
		return err
	}))
	require.GreaterOrEqual(t, f.recall(f.large), 0.98, "right after a large delete")

	// The rest of the large part is deleted too: the index is not needed any more.
	require.NoError(t, f.store.InTx(context.Background(), func(tx *store.Tx) error {
		_, _, err := tx.DeleteConversations(f.large, f.chats[30:55], chat.DeleteOptions{})
		return err
	}))
	require.NoError(t, New(Options{Store: f.store}).Once(context.Background()))
	require.Empty(t, f.indexes())
	require.InDelta(t, 1, f.recall(f.large), 0)
}

// When a workspace loses a large share of its vectors, its index is rebuilt, because a
// vacuum would take longer. After a small delete the index stays. The full-text index is
// rebuilt when most of its content was deleted.
func TestIndexesAreRebuiltAfterLargeDeletes(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, indexesAreRebuiltAfterLargeDeletes)
}

func indexesAreRebuiltAfterLargeDeletes(t *testing.T) {
	t.Parallel()
	f := fill(t, 60)
	require.NoError(t, New(Options{Store: f.store}).Once(context.Background()))
	require.Len(t, f.indexes(), 1)
	vectors := f.indexes()[0].Name
	remove := func(chats ...chat.ConversationID) {
		require.NoError(t, f.store.InTx(context.Background(), func(tx *store.Tx) error {
			_, _, err := tx.DeleteConversations(f.large, chats, chat.DeleteOptions{})
			return err
		}))
	}
	files := func() [2]int { return [2]int{f.file(vectors), f.file("chunks_terms")} }
	reclaimed := func() [2]int {
		settled, err := f.store.Reclaim(context.Background(), store.Reclaiming{})
		require.NoError(t, err)
		require.Equal(t, 1, settled)
		return files()
	}
	before := files()
	remove(f.chats[:2]...)
	require.Equal(t, before, reclaimed(), "a small delete is left to the vacuum")

	remove(f.chats[2:12]...)
	fifth := reclaimed()
	require.NotEqual(t, before[0], fifth[0], "a fifth of the vectors was deleted")
	require.Equal(t, before[1], fifth[1])
	indexes := f.indexes()
	require.Len(t, indexes, 1)
	require.True(t, indexes[0].Valid)
	require.Equal(t, model.ID, indexes[0].Model, "the index still belongs to its model")
	require.Zero(t, f.db.Count(t, "SELECT coalesce(attstattarget, -1) FROM pg_attribute WHERE attrelid = CAST(CAST($1 AS text) AS regclass)", vectors), "the vectors are not sampled for statistics")
	require.GreaterOrEqual(t, f.recall(f.large), 0.98)

	remove(f.chats[12:40]...)
	most := reclaimed()
	require.NotEqual(t, fifth[1], most[1], "most of the words were deleted")
}

// file returns the number of the file of an index.
func (f *filled) file(index string) int {
	return f.db.Count(f.t, "SELECT pg_relation_filenode(CAST(CAST($1 AS text) AS regclass))", index)
}

// The index of a workspace that was deleted completely is dropped before the vacuum, which
// would take longer than building it.
func TestAnIndexNobodyNeedsIsDroppedBeforeTheVacuum(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, anIndexNobodyNeedsIsDroppedBeforeTheVacuum)
}

func anIndexNobodyNeedsIsDroppedBeforeTheVacuum(t *testing.T) {
	t.Parallel()
	f := fill(t, worthRows/perChat) // enough rows to be reclaimed at once
	var log bytes.Buffer
	r := New(Options{Store: f.store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, r.Once(context.Background()))
	require.Len(t, f.indexes(), 1)
	log.Reset()
	require.NoError(t, f.store.InTx(context.Background(), func(tx *store.Tx) error {
		_, err := tx.DeleteWorkspace(f.large, chat.DeleteOptions{})
		return err
	}))
	require.NoError(t, r.Once(context.Background()))
	require.Empty(t, f.indexes())
	require.Regexp(t, "(?s)dropping a vector index.*reclaimed the storage", log.String())
}

// scans returns how many searches used an index, according to the server's statistics.
func (f *filled) scans(index string) int {
	return f.db.Count(f.t, "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = $1", index)
}

// A build that was interrupted leaves an index that PostgreSQL maintains but never uses.
func TestABrokenIndexIsReplaced(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, aBrokenIndexIsReplaced)
}

func aBrokenIndexIsReplaced(t *testing.T) {
	t.Parallel()
	f := fill(t, 30)
	// An open transaction that has used the table makes the build wait in the middle.
	tx, err := f.db.Postgres(t).Begin(context.Background())
	require.NoError(t, err)
	_, err = tx.Exec(context.Background(), "LOCK TABLE embeddings IN ROW EXCLUSIVE MODE")
	require.NoError(t, err)
	building, cancel := context.WithCancel(context.Background())
	built := make(chan error, 1)
	space := store.VectorSpace{Workspace: f.large, Model: model.ID, Dimensions: dimensions}
	go func() { built <- f.store.BuildVectorIndex(building, space) }()
	require.Eventually(t, func() bool { return len(f.indexes()) == 1 }, 20*time.Second, 10*time.Millisecond)
	require.True(t, f.indexes()[0].Building)
	cancel()
	require.Error(t, <-built)
	require.NoError(t, tx.Rollback(context.Background()))
	require.Eventually(t, func() bool { return !f.indexes()[0].Building }, 20*time.Second, 10*time.Millisecond)
	require.False(t, f.indexes()[0].Valid)
	require.GreaterOrEqual(t, f.recall(f.large), 1.0, "without a usable index a search is exact")

	require.NoError(t, New(Options{Store: f.store}).Once(context.Background()))
	require.Len(t, f.indexes(), 1)
	require.True(t, f.indexes()[0].Valid)
}

func TestOneLeaderAtATime(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, oneLeaderAtATime)
}

func oneLeaderAtATime(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.Postgres)
	a, b := db.Open(t), db.Open(t)
	ctx := context.Background()
	first, ok, err := a.Lead(ctx)
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = b.Lead(ctx)
	require.NoError(t, err)
	require.False(t, ok)
	require.False(t, first.Lost(ctx))
	first.Release()
	require.Eventually(t, func() bool { // the server needs time to notice the closed connection
		second, ok, err := b.Lead(ctx)
		require.NoError(t, err)
		if ok {
			second.Release()
		}
		return ok
	}, 20*time.Second, 10*time.Millisecond)
}

// After a change of the model, the index of the old vectors is dropped with them, and the
// new vectors get their own index.
func TestTheIndexOfAnOldModelIsDropped(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, theIndexOfAnOldModelGoes)
}

func theIndexOfAnOldModelGoes(t *testing.T) {
	t.Parallel()
	f := fill(t, 24)
	r := New(Options{Store: f.store})
	models := func() (names []string) {
		require.NoError(t, r.Once(t.Context()))
		indexes, err := f.store.VectorIndexes(t.Context())
		require.NoError(t, err)
		for _, x := range indexes {
			require.True(t, x.Valid)
			names = append(names, x.Model)
		}
		return names
	}
	require.Equal(t, []string{model.ID}, models())
	next := store.Recipe{Model: "next"}
	require.NoError(t, f.store.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.AdoptRecipe(next, "")
		return err
	}))
	renew := func(n int) {
		for range n {
			x := store.Indexed{Model: embed.Model{ID: next.Model}}
			for range perChat {
				x.Kept = append(x.Kept, store.KeptChunk{Terms: 1, Vector: f.vector(), Renewed: true})
			}
			require.NoError(t, f.store.InTx(t.Context(), func(tx *store.Tx) error {
				claims, err := tx.ClaimBehind(next, time.Minute)
				if err != nil {
					return err
				}
				return tx.FinishIndexing(claims[0], x)
			}))
		}
	}
	renew(12)
	require.Equal(t, []string{model.ID}, models(), "halfway through the change")
	renew(13)
	require.Equal(t, []string{next.Model}, models())
	require.Empty(t, f.db.Damage(t))
}
