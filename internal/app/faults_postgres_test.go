package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// unavailable checks that an error is the only answer that a broken database allows, and
// returns its message.
func unavailable(t testing.TB, err error) string {
	t.Helper()
	var answered *client.Error
	require.ErrorAs(t, err, &answered)
	require.Equal(t, http.StatusServiceUnavailable, answered.Status, answered.Message)
	return answered.Message
}

// ready waits until the service reports that it is ready.
func ready(t testing.TB, s *apptest.Service) {
	t.Helper()
	apptest.Await(t, "the service is ready", func(ctx context.Context) (bool, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/readyz", nil)
		if err != nil {
			return false, err
		}
		resp, err := s.HTTP.Do(r)
		if err != nil {
			return false, err
		}
		return resp.StatusCode == http.StatusOK, resp.Body.Close()
	})
}

// uploadMany stores conversations whose names begin with the prefix, and returns their
// ids.
func uploadMany(t testing.TB, s *apptest.Service, prefix string, n int) []string {
	t.Helper()
	const together = 4
	ids, errs := make([]string, n), make([]error, together)
	var uploading sync.WaitGroup
	for worker := range together {
		uploading.Go(func() {
			for i := worker; i < n && errs[worker] == nil; i += together {
				var answer api.UploadAnswer
				answer, errs[worker] = s.Client.Upload(t.Context(), apptest.Conversation(prefix+strconv.Itoa(i), "we talked of the snarkfeld", "we did, number "+strconv.Itoa(i)))
				ids[i] = answer.ConversationID
			}
		})
	}
	uploading.Wait()
	require.NoError(t, errors.Join(errs...))
	return ids
}

func count(t testing.TB, s *apptest.Service) int {
	t.Helper()
	n, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	return n
}

// The database server crashes during a delete. The delete is done completely or not at
// all, and afterwards the service works without a restart.
func TestServerKilledInTheMiddleOfADelete(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, serverKilledInTheMiddleOfADelete)
}

func serverKilledInTheMiddleOfADelete(t *testing.T) {
	t.Parallel()
	const chats, kills = 120, 2
	server := storetest.NewServer(t)
	db := server.Database(t)
	s := apptest.Start(t, db, apptest.WithTrouble())
	ids := uploadMany(t, s, "a", chats)
	s.Idle(t)

	// First at a known moment: the delete has deleted much and waits for a lock.
	holder := db.Postgres(t)
	_, err := holder.Exec(t.Context(), "BEGIN")
	require.NoError(t, err)
	_, err = holder.Exec(t.Context(), "SELECT 1 FROM chunks WHERE conversation_id = $1 FOR UPDATE", slices.Max(ids))
	require.NoError(t, err)
	answered := make(chan error, 1)
	go func() {
		_, err := s.Client.Delete(t.Context(), ids...)
		answered <- err
	}()
	apptest.Await(t, "the delete waits", func(context.Context) (bool, error) {
		return db.Count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'DELETE%'") == 1, nil
	})
	server.Kill(t)
	unavailable(t, <-answered)
	_, err = s.Client.Count(t.Context())
	unavailable(t, err)
	server.Start(t)
	ready(t, s)
	require.Equal(t, chats, count(t, s))
	require.Len(t, s.Finds(t, "snarkfeld"), min(chats, 100))
	require.Empty(t, db.Damage(t))

	// Then at random moments.
	var survived, gone int
	random := rand.New(rand.NewPCG(storetest.FixedSeed, 0))
	for range kills {
		go func() {
			_, err := s.Client.Delete(t.Context(), ids...)
			answered <- err
		}()
		<-time.After(time.Duration(random.Int64N(int64(80 * time.Millisecond)))) // a random moment of the delete
		server.Kill(t)
		err := <-answered
		server.Start(t)
		ready(t, s)
		switch n := count(t, s); {
		case n == 0:
			gone++
			ids = uploadMany(t, s, "b", chats)
		case err != nil && n == chats:
			unavailable(t, err)
			survived++
		default:
			require.Fail(t, "the delete is half done", "%d of %d conversations remain; the answer was: %v", n, chats, err)
		}
		require.Empty(t, db.Damage(t))
	}
	t.Logf("of %d deletes during a server crash %d were done and %d were not", kills, gone, survived)

	answer, err := s.Client.Delete(t.Context(), ids...)
	require.NoError(t, err)
	require.Equal(t, chats, answer.Count)
	s.Idle(t)
	nothingLeft(t, db)
	require.Zero(t, db.Rows(t)["messages"])
}

// Connections break while clients upload, delete and search, and conversations are
// indexed. Every call is answered with success or 503, every answered call has its
// effect, and no call is half done.
func TestConnectionsBreak(t *testing.T) {
	storetest.OnPostgres(t, connectionsBreak)
}

func connectionsBreak(t *testing.T) {
	for _, test := range []struct {
		name  string
		start func(t *testing.T) (db storetest.Database, breakAll func())
	}{
		{"ended by the server", func(t *testing.T) (storetest.Database, func()) {
			db := storetest.New(t, storetest.Postgres)
			conn := db.Postgres(t)
			return db, func() {
				_, err := conn.Exec(context.WithoutCancel(t.Context()), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
					WHERE datname = current_database() AND application_name = 'lethe'`)
				if err != nil {
					t.Error(err)
				}
			}
		}},
		{"cut by the network", func(t *testing.T) (storetest.Database, func()) {
			db, proxy := storetest.New(t, storetest.Postgres).Through(t)
			return db, proxy.Cut
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db, breakAll := test.start(t)
			// A claim whose answer was lost stays until its lease ends.
			s := apptest.Start(t, db, apptest.WithTrouble(), apptest.WithLease(time.Second))
			e := &endurance{t: t, s: s, stored: map[string]string{}, unsure: map[string]bool{}, called: make(chan struct{}, 1)}
			broken := make(chan struct{})
			go func() {
				defer close(broken)
				random := rand.New(rand.NewPCG(storetest.FixedSeed, 0))
				for range e.called {
					<-time.After(time.Duration(random.Int64N(int64(10 * time.Millisecond)))) // a random moment of the call
					breakAll()
				}
			}()
			together(func() { e.writes("a") }, func() { e.writes("b") }, e.searches)
			close(e.called)
			<-broken
			require.Empty(t, e.failures)
			t.Logf("%d calls succeeded, %d were answered with 503", e.succeeded, e.refused)
			require.Positive(t, e.succeeded)
			require.Positive(t, e.refused)

			ready(t, s)
			there := inventory(t, s.Client)
			for name, id := range e.stored {
				require.Equal(t, id, there[name].ID, name)
			}
			for name, found := range there {
				require.Equal(t, 3, found.Total, name)
				require.True(t, e.stored[name] == found.ID || e.unsure[name], "%s is stored, although its delete was answered", name)
			}
			s.Idle(t)
			nothingLeft(t, db)
			require.Len(t, s.Finds(t, "snarkfeld"), len(there))
		})
	}
}

// endurance is the work of clients while the database has faults.
type endurance struct {
	t *testing.T
	s *apptest.Service

	mu                 sync.Mutex
	stored             map[string]string // by external id: uploads that were answered
	unsure             map[string]bool   // external ids whose upload or delete was answered with 503
	succeeded, refused int
	failures           []error
	called             chan struct{} // from time to time
}

// note counts an answer, and reports whether it was a success.
func (e *endurance) note(err error, then func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if (e.succeeded+e.refused)%6 == 0 {
		select {
		case e.called <- struct{}{}:
		default:
		}
	}
	var answered *client.Error
	switch {
	case err == nil:
		e.succeeded++
		then()
		return true
	case errors.As(err, &answered) && answered.Status == http.StatusServiceUnavailable:
		e.refused++
	default:
		e.failures = append(e.failures, err)
	}
	return false
}

func (e *endurance) writes(prefix string) {
	for i := range 40 {
		name := prefix + strconv.Itoa(i)
		answer, err := e.s.Client.Upload(e.t.Context(), apptest.Conversation(name, "we talked of the snarkfeld", "we did", "number "+name))
		if !e.note(err, func() { e.stored[name] = answer.ConversationID }) {
			e.mu.Lock()
			e.unsure[name] = true
			e.mu.Unlock()
			continue
		}
		if i%3 != 0 {
			continue
		}
		_, err = e.s.Client.Delete(e.t.Context(), answer.ConversationID)
		e.mu.Lock()
		delete(e.stored, name)
		e.unsure[name] = err != nil
		e.mu.Unlock()
		e.note(err, func() {})
	}
}

func (e *endurance) searches() {
	for range 40 {
		_, err := e.s.Client.Search(e.t.Context(), api.SearchRequest{Query: "snarkfeld"})
		e.note(err, func() {})
	}
}

// While the database cannot be reached, every call fails at once and says so.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, databaseAway)
}

func databaseAway(t *testing.T) {
	t.Parallel()
	db, proxy := storetest.New(t, storetest.Postgres).Through(t)
	s := apptest.Start(t, db, apptest.WithTrouble())
	id := s.Upload(t, "kept", "the snarkfeld is mine", "so it is")
	s.Ready(t, id)
	proxy.Refuse(true)
	proxy.Cut()
	for name, call := range calls(t, s, id) {
		// A call that waited until its deadline would have another message.
		require.Contains(t, unavailable(t, call()), "try again", name)
	}
	r, err := s.HTTP.Get(s.URL + "/readyz")
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	r, err = s.HTTP.Get(s.URL + "/healthz")
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, http.StatusOK, r.StatusCode, "the process is alive; a restart would not help")
	proxy.Refuse(false)
	ready(t, s)
	require.Equal(t, []string{id}, s.Finds(t, "snarkfeld"))
	for name, call := range calls(t, s, id) {
		require.NoError(t, call(), name)
	}
}

// calls returns one call of each kind. The delete names a conversation that does not
// exist.
func calls(t testing.TB, s *apptest.Service, id string) map[string]func() error {
	t.Helper()
	return map[string]func() error{
		"upload": func() error {
			_, err := s.Client.Upload(t.Context(), apptest.Conversation("kept", "the snarkfeld is mine", "so it is"))
			return err
		},
		"delete": func() error {
			_, err := s.Client.Delete(t.Context(), "00000000-0000-7000-8000-000000000000")
			return err
		},
		"search": func() error {
			_, err := s.Client.Search(t.Context(), api.SearchRequest{Query: "snarkfeld"})
			return err
		},
		"recall": func() error {
			_, err := s.Client.Recall(t.Context(), api.RecallRequest{Query: new("snarkfeld")})
			return err
		},
		"get":   func() error { _, err := s.Client.Get(t.Context(), id); return err },
		"count": func() error { _, err := s.Client.Count(t.Context()); return err },
		"stats": func() error { _, err := s.Client.Stats(t.Context()); return err },
		"edit": func() error {
			_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: id, Pinned: new(true)})
			return err
		},
	}
}

// On a full disk of the database, stored conversations can be read, found and deleted.
// Writes that do not fit are refused as a whole with the reason. When there is space
// again, everything works.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, diskFull)
}

func diskFull(t *testing.T) {
	t.Parallel()
	disk := storetest.NewSmallDisk(t)
	t.Logf("the disk is a small file system: %v", disk.Real)
	s := apptest.Start(t, disk.Database, apptest.WithTrouble())
	ids := uploadMany(t, s, "kept", 20)
	s.Idle(t)
	// The first receipt needs a new page and would be refused like any other row, so
	// there is one before the disk is full.
	first := s.Upload(t, "first", "to have a receipt")
	_, err := s.Client.Delete(t.Context(), first)
	require.NoError(t, err)
	s.Idle(t)
	disk.Fill(t)

	var refused error
	big := func(i int) api.UploadRequest {
		return apptest.Conversation("big"+strconv.Itoa(i), noise(i), noise(i+1))
	}
	stored := 0 // in the free space of existing pages
	for ; refused == nil && stored < 100; stored++ {
		_, refused = s.Client.Upload(t.Context(), big(stored))
	}
	stored--
	require.Equal(t, "the disk of the database is full; free some space and try again", unavailable(t, refused))
	require.Equal(t, len(ids)+stored, count(t, s))
	require.Empty(t, disk.Damage(t))
	require.Len(t, s.Finds(t, "snarkfeld"), len(ids))
	_, err = s.Client.Get(t.Context(), ids[0])
	require.NoError(t, err)

	answer, err := s.Client.Delete(t.Context(), ids[:10]...)
	require.NoError(t, err)
	require.Equal(t, ids[:10], answer.Deleted)
	require.Len(t, s.Finds(t, "snarkfeld"), 10)
	require.Empty(t, disk.Damage(t))

	disk.Free(t)
	require.NotEmpty(t, upload(t, s, big(stored)))
	s.Idle(t)
	require.Equal(t, 10+stored+1, count(t, s))
	nothingLeft(t, disk.Database)
}

// noise returns a text that does not compress.
func noise(seed int) string {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	var b strings.Builder
	for range 2000 {
		fmt.Fprintf(&b, "%x ", random.Uint32())
	}
	return b.String()
}

// A call that waits too long for a lock or a statement is refused as a whole, and its
// connection can be used again.
func TestTimeouts(t *testing.T) {
	storetest.OnPostgres(t, timeouts)
}

func timeouts(t *testing.T) {
	for name, test := range map[string]struct{ statement, lock, says string }{
		"of a lock":      {"0", "500ms", "the database is busy with the same data; try again"},
		"of a statement": {"1s", "0", "the database took too long; try again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t, storetest.Postgres)
			s := apptest.Start(t, db.With(t, "statement_timeout", test.statement).With(t, "lock_timeout", test.lock), apptest.WithTrouble())
			id, other := s.Upload(t, "held", "the snarkfeld is mine", "so it is"), s.Upload(t, "free", "the wobbelring", "is yours")
			s.Ready(t, id, other)
			holder := db.Postgres(t)
			for _, statement := range []string{"BEGIN", "LOCK TABLE embeddings", "SELECT 1 FROM conversations WHERE external_id = 'held' FOR UPDATE"} {
				_, err := holder.Exec(t.Context(), statement)
				require.NoError(t, err)
			}
			var errs [3]error
			together(
				func() {
					_, errs[0] = s.Client.Upload(t.Context(), apptest.Conversation("held", "the snarkfeld is yours", "so it is"))
				},
				func() { _, errs[1] = s.Client.Delete(t.Context(), id, other) },
				func() { _, errs[2] = s.Client.Search(t.Context(), api.SearchRequest{Query: "whose is it"}) },
			)
			for _, err := range errs {
				require.Equal(t, test.says, unavailable(t, err))
			}
			require.Equal(t, []string{id}, s.Finds(t, "mine"), "keyword search does not need the locked rows")
			require.Equal(t, 2, count(t, s))
			_, err := holder.Exec(t.Context(), "ROLLBACK")
			require.NoError(t, err)

			require.Zero(t, db.Count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"))
			for range 12 { // more than the pool has connections
				_, err := s.Client.Search(t.Context(), api.SearchRequest{Query: "whose is it"})
				require.NoError(t, err)
			}
			require.Equal(t, id, upload(t, s, apptest.Conversation("held", "the snarkfeld is yours", "so it is")))
			s.Ready(t, id)
			answer, err := s.Client.Delete(t.Context(), id, other)
			require.NoError(t, err)
			require.Equal(t, 2, answer.Count)
			nothingLeft(t, db)
		})
	}
}
