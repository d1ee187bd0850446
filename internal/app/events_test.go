package app_test

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// following is a stream of events that a test reads. It ends with the test.
type following struct {
	t    *testing.T
	next func() (client.Event, error, bool)
}

// follow opens a stream and waits until it has begun.
func follow(t *testing.T, c *client.Client, kinds ...string) *following {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
	next, stop := iter.Pull2(c.Events(ctx, kinds...))
	t.Cleanup(func() { cancel(); stop() })
	f := &following{t, next}
	if len(kinds) == 0 { // the number of conversations that wait to be indexed is always the first event
		f.until("the stream begins", func(e client.Event) bool { return e.Index != nil })
	}
	return f
}

// until reads events until ok returns true for one.
func (f *following) until(what string, ok func(client.Event) bool) client.Event {
	f.t.Helper()
	for {
		e, err, more := f.next()
		require.NoError(f.t, err, "while waiting until %s", what)
		require.True(f.t, more, "the test waited too long until %s", what)
		if ok(e) {
			return e
		}
	}
}

// end reads the stream to its end and returns the error.
func (f *following) end() error {
	f.t.Helper()
	for {
		_, err, more := f.next()
		require.True(f.t, more, "the stream did not end")
		if err != nil {
			return err
		}
	}
}

func imported(state api.ImportState) func(client.Event) bool {
	return func(e client.Event) bool { return e.Import != nil && e.Import.State == state }
}

// An import is told from its beginning to its end, also to a client of another program on the same database. So is a
// delete.
func TestEventsArrive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		streams := []*following{follow(t, s.Client)}
		if db.Kind == storetest.Postgres {
			streams = append(streams, follow(t, apptest.Start(t, db).Client))
		}
		job, err := s.Client.StartImport(t.Context(), api.ImportBegin{})
		require.NoError(t, err)
		for _, f := range streams {
			e := f.until("the import begins", imported(api.ImportStateReceiving))
			require.Equal(t, job.ID(), e.Import.ID)
		}
		_, err = job.Send(t.Context(), []byte(importLines(3)))
		require.NoError(t, err)
		for _, f := range streams {
			f.until("a part is stored", func(e client.Event) bool { return e.Import != nil && e.Import.Counts.New == 3 })
		}
		_, err = job.Finish(t.Context(), api.ImportFinish{State: api.ImportFinishStateDone})
		require.NoError(t, err)
		for _, f := range streams {
			e := f.until("the import is done", imported(api.ImportStateDone))
			require.Equal(t, []int{3, 0, 0}, []int{e.Import.Ready, e.Import.Pending, e.Import.Failed})
		}
		answer, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{All: new(true), Wait: new(true)})
		require.NoError(t, err)
		for _, f := range streams {
			e := f.until("the storage is reclaimed", func(e client.Event) bool { return e.Deletion != nil && e.Deletion.Reclaimed })
			require.Equal(t, *answer.DeletionID, e.Deletion.ID)
		}
	})
}

// A client that follows one import gets its state until everything is indexed. Then the stream ends.
func TestAnImportIsFollowedToItsEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		gate := apptest.NewGate()
		gate.Shut()
		s := apptest.Start(t, db, apptest.WithEmbedder(gate))
		job, err := s.Client.StartImport(t.Context(), api.ImportBegin{})
		require.NoError(t, err)
		states := map[api.ImportState]bool{}
		ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
		defer cancel()
		for e, err := range s.Client.FollowImport(ctx, job.ID()) {
			require.NoError(t, err)
			switch {
			case e.State == api.ImportStateReceiving && e.Counts.New == 0:
				_, err = job.Send(t.Context(), []byte(importLines(1)))
			case e.State == api.ImportStateReceiving && !states[e.State]:
				_, err = job.Finish(t.Context(), api.ImportFinish{State: api.ImportFinishStateDone})
			case e.State == api.ImportStateIndexing && !states[e.State]:
				gate.Open()
			}
			require.NoError(t, err)
			states[e.State] = e.Counts.New > 0
		}
		require.NoError(t, ctx.Err(), "the stream did not end")
		require.Equal(t, map[api.ImportState]bool{api.ImportStateReceiving: true, api.ImportStateIndexing: true, api.ImportStateDone: true}, states)

		for e, err := range s.Client.FollowImport(t.Context(), job.ID()) { // an import that has ended is told once
			require.NoError(t, err)
			require.Equal(t, 1, e.Ready)
		}
		for _, err := range s.Client.FollowImport(t.Context(), "0197b3a0-11aa-7c3e-9d52-6f1f0a6f7c01") {
			require.True(t, client.IsNotFound(err), "%v", err)
		}
	})
}

// A stop of the service ends the streams and does not wait for their clients.
func TestAStopEndsStreams(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db, apptest.WithEnv("LETHE_SHUTDOWN_TIMEOUT=10m"))
		all := follow(t, s.Client)
		job, err := s.Client.StartImport(t.Context(), api.ImportBegin{})
		require.NoError(t, err)
		all.until("the import begins", imported(api.ImportStateReceiving))
		followed := make(chan error, 1)
		begun := make(chan struct{}, 10)
		go func() {
			var last error
			for _, err := range s.Client.FollowImport(t.Context(), job.ID()) {
				begun <- struct{}{}
				last = err
			}
			followed <- last
		}()
		<-begun
		s.Interrupt()
		require.ErrorIs(t, all.end(), client.ErrStreamEnded)
		require.ErrorIs(t, <-followed, client.ErrStreamEnded, "the import is not done")
		s.Ended(t, apptest.Patience)
	})
}

// A stream ends when its key is revoked, also by another program.
func TestARevokedKeyEndsStreams(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		key, token := s.NewKey(t, chat.DefaultWorkspace, auth.Read)
		revoked, other := follow(t, s.With(t, token)), follow(t, s.Client)
		s.RevokeKey(t, key)
		require.ErrorIs(t, revoked.end(), client.ErrStreamEnded)
		var refused *client.Error
		for _, err := range s.With(t, token).Events(t.Context()) {
			require.ErrorAs(t, err, &refused)
		}
		require.Equal(t, 401, refused.Status)
		s.Upload(t, "a", "hello", "hello")
		other.until("the stream of another key goes on", func(e client.Event) bool { return e.Import != nil })
	})
}
