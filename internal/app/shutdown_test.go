package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// begun starts a process whose embedder pauses while a conversation is indexed.
func begun(t *testing.T, db storetest.Database, opts ...apptest.Option) (p *apptest.Process, gate *apptest.Gate, id string) {
	t.Helper()
	gate = apptest.NewGate()
	gate.Shut()
	p = apptest.StartProcess(t, db, append(opts, apptest.WithEmbedder(gate))...)
	id = p.Upload(t, "interrupted", "the snarkfeld is mine", "so it is")
	gate.Arrived(t)
	require.Equal(t, api.IndexStatusIndexing, status(t, p.Service, id))
	return p, gate, id
}

// claimed claims the one conversation that waits to be indexed, and releases it. Its
// Attempt says how often it was claimed before without success.
func claimed(t *testing.T, db storetest.Database) store.Claim {
	t.Helper()
	var claims []store.Claim
	s := db.Open(t)
	require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(time.Minute, 2, true)
		return err
	}))
	require.Len(t, claims, 1, "it is queued and not claimed")
	require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) error { return tx.Release(claims[0]) }))
	return claims[0]
}

// longGrace makes a stop wait for the embedder as long as for anything else.
var longGrace = apptest.WithGrace(time.Hour)

// A worker that does not finish in the configured time returns its conversation to the
// queue, as if it had never claimed it, and the next start indexes it at once.
func TestShutdownCutsOffWorkAfterTheTimeout(t *testing.T) {
	cutsOff(t, longGrace, apptest.WithEnv("LETHE_SHUTDOWN_TIMEOUT=1s"))
}

// A stop does not wait for an embedder that hangs, however long it may wait for the rest.
func TestShutdownDoesNotWaitForAnEmbedderThatHangs(t *testing.T) {
	cutsOff(t, apptest.WithEnv("LETHE_SHUTDOWN_TIMEOUT=10m"))
}

func cutsOff(t *testing.T, opts ...apptest.Option) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		p, _, id := begun(t, db, opts...)
		p.Interrupt()
		p.Ended(t, apptest.Patience)
		require.Equal(t, 1, claimed(t, db).Attempt)
		require.Empty(t, db.Damage(t))

		next := apptest.Start(t, db)
		next.Ready(t, id)
		require.Equal(t, []string{id}, next.Finds(t, "snarkfeld"))
	})
}

// Work that finishes within the time-out is completed, and so is a request that waits for
// its answer. Nothing new starts after the signal.
func TestShutdownFinishesWorkInProgress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		p, gate, id := begun(t, db, longGrace, apptest.WithEnv("LETHE_INDEX_WORKERS=1"))
		waiting := p.Upload(t, "waiting", "the wobbelring is yours", "so it is") // the one worker is busy
		var found api.SearchAnswer
		var searching error
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			found, searching = p.Client.Search(t.Context(), api.SearchRequest{Query: "snarkfeld"})
		}()
		gate.Arrived(t)
		p.Interrupt()
		refused := func() bool { // connections are refused
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/healthz", nil)
			require.NoError(t, err)
			r.Close = true // use a new connection
			resp, err := http.DefaultClient.Do(r)
			if err == nil {
				resp.Body.Close()
			}
			return err != nil
		}
		require.Eventually(t, refused, apptest.Patience, 10*time.Millisecond)
		gate.Open()
		<-asked
		require.NoError(t, searching)
		require.NotNil(t, found.Results)
		p.Ended(t, apptest.Patience)
		require.Empty(t, db.Damage(t))
		require.Equal(t, waiting, string(claimed(t, db).Conversation), "the first is finished, the second was not started")

		next := apptest.Start(t, db)
		next.Ready(t, id, waiting)
	})
}

// A service that stops while it is idle does not wait for the shutdown time-out.
func TestShutdownOfAnIdleService(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		p := apptest.StartProcess(t, db, apptest.WithEnv("LETHE_SHUTDOWN_TIMEOUT=10m"))
		id := p.Upload(t, "a", "hello", "hello")
		p.Ready(t, id)
		p.Interrupt()
		p.Ended(t, apptest.Patience)
	})
}
