package app_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// tally is an embedder that counts how often it was called for each text.
type tally struct {
	embed.Embedder

	mu    sync.Mutex
	asked map[string]int
}

func newTally() *tally { return &tally{Embedder: embed.NewHash(), asked: map[string]int{}} }

// Embed counts the texts and embeds them.
func (y *tally) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, text := range texts {
		y.asked[text]++
	}
	return y.Embedder.Embed(ctx, texts)
}

func (y *tally) texts() map[string]int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return maps.Clone(y.asked)
}

// queue stores conversations that are not indexed yet, with one passage each, all
// different.
func queue(t testing.TB, db storetest.Database, n int) {
	t.Helper()
	s := db.Open(t)
	var ws chat.WorkspaceID
	require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace(chat.DefaultWorkspace)
		return err
	}))
	h := history.New(history.Options{Store: s, Embedder: embed.NewNone()})
	for i := range n {
		_, err := h.AsOperator(ws).Ingest(t.Context(), chat.Upload{
			ExternalID: strconv.Itoa(i), Messages: []chat.UploadMessage{{Role: "user", Text: "snarkfeld number " + strconv.Itoa(i)}},
		})
		require.NoError(t, err)
	}
}

// Two programs on one database share the queue: each conversation is indexed once, by one
// of them.
func TestInstancesShareTheIndexing(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, instancesShareTheIndexing)
}

func instancesShareTheIndexing(t *testing.T) {
	t.Parallel()
	const conversations = 300
	db := storetest.New(t, storetest.Postgres)
	queue(t, db, conversations)
	tallies, gates := [2]*tally{newTally(), newTally()}, [2]*apptest.Gate{apptest.NewGate(), apptest.NewGate()}
	var services [2]*apptest.Service
	for i, g := range gates {
		g.Embedder = tallies[i]
		g.Shut()
		services[i] = apptest.Start(t, db, apptest.WithEmbedder(g))
	}
	for _, g := range gates {
		g.Arrived(t) // both have claimed a conversation before either continues
	}
	for _, g := range gates {
		g.Open()
	}
	services[0].Idle(t)
	total := map[string]int{}
	for _, y := range tallies {
		require.NotEmpty(t, y.texts())
		for text, n := range y.texts() {
			total[text] += n
		}
	}
	t.Logf("one indexed %d, the other %d", len(tallies[0].texts()), len(tallies[1].texts()))
	require.Len(t, total, conversations)
	for text, n := range total {
		require.Equal(t, 1, n, text)
	}
	nothingLeft(t, db)
}

// The claims of a program that has ended pass to the others. A running program keeps its
// claims.
func TestInstanceThatDies(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, instanceThatDies)
}

func instanceThatDies(t *testing.T) {
	t.Parallel()
	const conversations, held, lease = 60, 2, 4 * time.Second
	db := storetest.New(t, storetest.Postgres)
	queue(t, db, conversations)
	gate, counting := apptest.NewGate(), newTally()
	gate.Shut()
	defer gate.Open()
	options := []apptest.Option{apptest.WithLease(lease), apptest.WithEnv("LETHE_INDEX_WORKERS=" + strconv.Itoa(held))}
	dying := apptest.StartProcess(t, db.With(t, "application_name", "dying"), append(options, apptest.WithEmbedder(gate))...)
	for range held {
		gate.Arrived(t)
	}
	const leases = " FROM conversations WHERE index_state = 'indexing'"
	first := db.Count(t, "SELECT max(run_after)"+leases)
	other := apptest.Start(t, db, append(options, apptest.WithEmbedder(counting))...)
	apptest.Await(t, "the other program has indexed the rest", func(ctx context.Context) (bool, error) {
		stats, err := other.Client.Stats(ctx)
		return stats.Backlog.Queued == 0 && stats.Backlog.Indexing == held, err
	})
	apptest.Await(t, "the first leases would have ended", func(context.Context) (bool, error) {
		return db.Count(t, "SELECT min(run_after)"+leases) > first+int(lease/time.Microsecond), nil
	})
	require.Len(t, counting.texts(), conversations-held, "a running program keeps its claims")
	dying.Kill(t)
	other.Idle(t)
	require.Len(t, counting.texts(), conversations)
	for text, n := range counting.texts() {
		require.Equal(t, 1, n, text)
	}
	nothingLeft(t, db)
}

// balancer is a client of several instances. A call that one of them refuses goes to the
// next.
type balancer struct {
	mu      sync.Mutex
	clients []*client.Client
	turn    int
	moved   atomic.Int64 // calls that moved to another instance
}

func (b *balancer) set(i int, c *client.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients[i] = c
}

func (b *balancer) start() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	return b.turn
}

func (b *balancer) at(i int) *client.Client {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clients[i%len(b.clients)]
}

// do makes a call that may be repeated, until an instance answers it. Each call tries the
// instances in turn by itself, because turns shared with other callers could bring it
// back to the stopped instance every time.
func (b *balancer) do(call func(*client.Client) error) error {
	var err error
	start := b.start()
	for try := range 6 {
		err = call(b.at(start + try))
		var answered *client.Error
		if err == nil || errors.As(err, &answered) {
			return err
		}
		b.moved.Add(1)
	}
	return err
}

// Instances are restarted one after the other while clients upload and search. No call
// fails, and every upload is stored and found.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, rollingRestart)
}

func rollingRestart(t *testing.T) {
	t.Parallel()
	const rounds, uploaders, searchers = 2, 3, 1
	db := storetest.New(t, storetest.Postgres)
	processes := []*apptest.Process{apptest.StartProcess(t, db), apptest.StartProcess(t, db)}
	front := &balancer{clients: []*client.Client{processes[0].Client, processes[1].Client}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	stored := map[string]string{}
	var failures []error
	var searches int
	var people sync.WaitGroup
	for person := range uploaders {
		people.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprint(person, "-", i)
				var answer api.UploadAnswer
				err := front.do(func(c *client.Client) (err error) {
					answer, err = c.Upload(t.Context(), apptest.Conversation(name, "we talked of the snarkfeld", "number "+name))
					return err
				})
				mu.Lock()
				if stored[name] = answer.ConversationID; err != nil {
					failures = append(failures, err)
				}
				mu.Unlock()
			}
		})
	}
	for range searchers {
		people.Go(func() {
			for ctx.Err() == nil {
				err := front.do(func(c *client.Client) error {
					_, err := c.Search(t.Context(), api.SearchRequest{Query: "snarkfeld"})
					return err
				})
				mu.Lock()
				if searches++; err != nil {
					failures = append(failures, err)
				}
				mu.Unlock()
			}
		})
	}
	for range rounds {
		for i, p := range processes {
			p.Interrupt()
			p.Ended(t, apptest.Patience)
			processes[i] = apptest.StartProcess(t, db)
			front.set(i, processes[i].Client)
		}
	}
	stop()
	people.Wait()
	require.Empty(t, failures)
	t.Logf("%d uploads and %d searches; %d calls moved to the other instance", len(stored), searches, front.moved.Load())
	there := inventory(t, processes[0].Client)
	require.Len(t, there, len(stored))
	for name, id := range stored {
		require.Equal(t, id, there[name].ID, name)
	}
	processes[1].Idle(t)
	nothingLeft(t, db)
	require.Equal(t, len(stored), db.Count(t, "SELECT count(*) FROM conversations WHERE index_state = 'ready' AND chunk_count = 1"))
}

// snarkfelds returns messages of some length, all different.
func snarkfelds(name string, n int) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprintf("The snarkfeld %s number %d. %s", name, i, strings.Repeat("The weather was neither good nor bad. ", 1+i%7)))
	}
	return texts
}
