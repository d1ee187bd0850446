package app_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

var killPoints = flag.Int("kill-points", 6, "how often TestKilledInTheMiddleOfALargeDelete and TestKilledInTheMiddleOfAnImport kill on each database; `make kill` has 200")

// The large delete: the number of conversations, the number of messages, passages and
// vectors of each, and the number of conversations that are kept.
const (
	killDoomed, killKept = 500, 5
	killParts            = 10
	killDimensions       = 256
)

// largeDelete is a database with many conversations, created once and cloned after each
// completed delete.
type largeDelete struct {
	cloned
	ids    []string
	before map[string]int
}

func newLargeDelete(t *testing.T, kind string) *largeDelete {
	t.Helper()
	l := &largeDelete{cloned: cloned{filled: storetest.New(t, kind)}}
	s, err := store.Open(t.Context(), l.filled.Options())
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same vectors in every run
	require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) error {
		ws, err := tx.EnsureWorkspace(chat.DefaultWorkspace)
		if err != nil {
			return err
		}
		var fresh []chat.Transcript
		for i := range killDoomed + killKept {
			u := chat.Upload{ExternalID: fmt.Sprint(i)}
			for m := range killParts {
				u.Messages = append(u.Messages, chat.UploadMessage{Role: "human", Text: fmt.Sprintf("the snarkfeld, %d of %d. %s", m, i, strings.Repeat("And so on. ", 20))})
			}
			valid, err := u.Validate(time.Now())
			if err != nil {
				return err
			}
			fresh = append(fresh, chat.NewTranscript(valid))
			fresh[i].ImportID = chat.NewID()
		}
		for i := range killDoomed {
			l.ids = append(l.ids, string(fresh[i].ID))
		}
		_, err = tx.CreateConversations(ws, fresh)
		return err
	}))
	require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) error {
		claims, err := tx.Claim(time.Hour, killDoomed+killKept, true)
		if err != nil {
			return err
		}
		for _, c := range claims {
			x := store.Indexed{Model: embed.Model{ID: "test", Dimensions: killDimensions}, Passages: indexer.PassagesVersion} // which no worker re-indexes
			for p := range killParts {
				vector := make([]float32, killDimensions)
				for i := range vector {
					vector[i] = random.Float32()
				}
				x.Chunks = append(x.Chunks, store.IndexedChunk{Position: p, First: p, Last: p, Text: "the snarkfeld", Terms: []string{"the", "snarkfeld"}, Vector: vector})
			}
			if err := tx.FinishIndexing(c, x); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, s.Close())
	l.before = l.filled.Rows(t)
	l.db = l.filled.Clone(t)
	return l
}

// deleted reports whether the delete was done. It fails the test if the delete is half
// done, or its receipt or tombstones differ.
func (l *largeDelete) deleted(t *testing.T, point string) bool {
	t.Helper()
	rows := l.db.Rows(t)
	done := rows["conversations"] == killKept
	want := map[string]int{
		"conversations": killDoomed + killKept, "messages": killParts * (killDoomed + killKept),
		"chunks": killParts * (killDoomed + killKept), "embeddings": killParts * (killDoomed + killKept),
	}
	if done {
		want = map[string]int{
			"conversations": killKept, "messages": killParts * killKept, "chunks": killParts * killKept, "embeddings": killParts * killKept,
			"deletions": 1, "tombstones": killDoomed,
		}
	}
	for _, table := range []string{"conversations", "messages", "chunks", "embeddings", "deletions", "tombstones"} {
		require.Equal(t, want[table], rows[table], "killed %s: rows of %s; the delete is done: %v", point, table, done)
	}
	if done {
		require.Equal(t, 1, l.db.Count(t, fmt.Sprintf(
			"SELECT count(*) FROM deletions WHERE conversations = %d AND messages = %[2]d AND chunks = %[2]d AND embeddings = %[2]d",
			killDoomed, killParts*killDoomed)), "killed %s: what the receipt counts", point)
	}
	require.Empty(t, l.db.Damage(t), "killed %s", point)
	return done
}

// cloned is a filled database, of which each kill gets a copy.
type cloned struct {
	filled storetest.Database
	db     storetest.Database // the current clone
}

// start runs the service on the clone, or on a new clone if the last one was used.
func (c *cloned) start(t *testing.T, used bool) *apptest.Process {
	t.Helper()
	if used {
		c.db = c.filled.Clone(t)
	}
	return apptest.StartProcess(t, c.db, apptest.WithEnv("LETHE_EMBEDDER=none"))
}

// remove starts the delete and returns a channel for its answer.
func (l *largeDelete) remove(t *testing.T, p *apptest.Process) <-chan answerAfter {
	began, answered := time.Now(), make(chan answerAfter, 1)
	go func() {
		answer, err := l.delete(context.WithoutCancel(t.Context()), p)
		answered <- answerAfter{answer, err, time.Since(began)}
	}()
	return answered
}

// delete sends the delete once, with a key by which a service recognizes it when it is sent again.
func (l *largeDelete) delete(ctx context.Context, p *apptest.Process) (api.DeleteAnswer, error) {
	once, err := client.New(p.URL, apptest.Key, client.WithRetries(0))
	if err != nil {
		return api.DeleteAnswer{}, err
	}
	return client.Decode[api.DeleteAnswer](once.Raw().DeleteConversations(ctx, &api.DeleteConversationsParams{IdempotencyKey: new("large")}, api.DeleteRequest{IDs: l.ids}))
}

// again sends the delete to a new process. Whether the first one was done or undone, the answer
// is that of a delete that was done.
func (l *largeDelete) again(t *testing.T, point string) {
	t.Helper()
	p := apptest.StartProcess(t, l.db, apptest.WithEnv("LETHE_EMBEDDER=none"))
	answer, err := l.delete(t.Context(), p)
	require.NoError(t, err, "killed %s", point)
	require.Equal(t, l.ids, answer.Deleted, "killed %s", point)
	require.Equal(t, killDoomed, answer.Count, "killed %s", point)
	p.Kill(t)
	require.True(t, l.deleted(t, point+", and sent again"))
}

type answerAfter struct {
	answer api.DeleteAnswer
	err    error
	took   time.Duration
}

// TestKilledInTheMiddleOfALargeDelete kills the process with SIGKILL, half of the times
// at moments spread evenly until the commit, and half of the times near the commit. The
// delete must be done completely or not at all, its receipt and tombstones must exist
// exactly when its rows are deleted, and an answered delete must be done.
func TestKilledInTheMiddleOfALargeDelete(t *testing.T) {
	for _, kind := range storetest.Kinds(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := newLargeDelete(t, kind)
			seed := storetest.Seed(t, "crash-seed", *crashSeed)
			random := rand.New(rand.NewPCG(seed, 0))

			// The time of the commit if the process is not killed. Kills near it correct
			// it, because the load of the machine changes: a kill before the commit moves
			// the next one later, and the other way round.
			p := l.start(t, false)
			a := <-l.remove(t, p)
			require.NoError(t, a.err)
			require.Equal(t, killDoomed, a.answer.Count)
			p.Kill(t)
			require.True(t, l.deleted(t, "after the answer"))
			commit := a.took
			used, undone, done, answered := true, 0, 0, 0
			for i := range *killPoints {
				share := (float64(i/2) + random.Float64()) / float64((*killPoints+1)/2) // 0..1, spread evenly
				delay := time.Duration(share * float64(commit))
				atTheCommit := i%2 == 1
				if atTheCommit {
					delay = time.Duration((0.97 + 0.06*random.Float64()) * float64(commit))
				}
				p := l.start(t, used)
				deleting := l.remove(t, p)
				<-time.After(delay) // a random moment of the delete
				p.Kill(t)
				a := <-deleting
				point := fmt.Sprintf("%v into a delete whose commit is after about %v", delay, commit)
				used = l.deleted(t, point)
				switch {
				case a.err == nil:
					require.True(t, used, "it was answered")
					answered++
				case used:
					done++
					l.again(t, point)
				default:
					undone++
				}
				if step := 1.07; atTheCommit && used {
					commit = time.Duration(float64(commit) / step)
				} else if atTheCommit {
					commit = time.Duration(float64(commit) * step)
				}
			}
			t.Logf("%d kills in a delete whose commit is after about %v: %d undid it, %d came between the commit and the answer, %d after the answer",
				*killPoints, commit, undone, done, answered)
			require.Positive(t, undone)
			if *killPoints >= 50 { // with few kills, a slow machine may see only one outcome
				require.Positive(t, done+answered)
			}
		})
	}
}

// The two worst points: everything is deleted and written, and the process ends just
// before COMMIT, or during it. Only a server can hold a transaction there.
func TestKilledBeforeAndAfterTheCommit(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, killedBeforeAndAfterTheCommit)
}

func killedBeforeAndAfterTheCommit(t *testing.T) {
	t.Parallel()
	l := newLargeDelete(t, storetest.Postgres)
	for _, point := range []struct {
		name, trigger string
		commits       bool
	}{
		{"before the commit", "CREATE TRIGGER halt AFTER INSERT ON tombstones FOR EACH STATEMENT EXECUTE FUNCTION halt()", false},
		{"in the commit", "CREATE CONSTRAINT TRIGGER halt AFTER INSERT ON deletions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION halt()", true},
	} {
		l.db = l.filled.Clone(t)
		conn := l.db.Postgres(t)
		for _, statement := range []string{
			`CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END $$`,
			point.trigger,
			"SELECT pg_advisory_lock(77)",
		} {
			_, err := conn.Exec(t.Context(), statement)
			require.NoError(t, err)
		}
		p := l.start(t, false)
		deleting := l.remove(t, p)
		apptest.Await(t, "the delete waits "+point.name, func(context.Context) (bool, error) {
			return l.db.Count(t, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 77") == 1, nil
		})
		p.Die(t)
		require.Error(t, (<-deleting).err)
		require.False(t, l.deleted(t, point.name), "the delete is not visible yet")
		_, err := conn.Exec(t.Context(), "SELECT pg_advisory_unlock(77)")
		require.NoError(t, err)
		apptest.Await(t, "the server has closed the connections", func(context.Context) (bool, error) {
			return l.db.Count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lethe'") == 0, nil
		})
		require.Equal(t, point.commits, l.deleted(t, point.name))
		_, err = conn.Exec(t.Context(), "DROP FUNCTION halt CASCADE")
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
		l.again(t, point.name)
	}
}
