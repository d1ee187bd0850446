package apptest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// pollEvery is how often Await checks its condition.
const pollEvery = 10 * time.Millisecond

// Await waits until ok returns true, and fails the test after Patience. what completes
// "waited too long until".
func Await(t testing.TB, what string, ok func(ctx context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		done, err := ok(ctx)
		if err != nil && ctx.Err() == nil {
			require.NoError(t, err, "while waiting until %s", what)
		}
		if done && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.Fail(t, "waited too long", "until %s", what)
		case <-ticker.C:
		}
	}
}

// Ready waits until search can find these conversations of the default workspace. The
// test fails if one does not exist or could not be indexed.
func (s *Service) Ready(t testing.TB, ids ...string) {
	t.Helper()
	Await(t, "the conversations are indexed", func(ctx context.Context) (bool, error) {
		waiting := slices.Clone(ids)
		for c, err := range s.Client.All(ctx, client.ListOptions{PageSize: 100}) {
			if err != nil {
				return false, err
			}
			if c.Status == api.IndexStatusFailed && slices.Contains(ids, c.ID) {
				require.Fail(t, "a conversation was not indexed", "%s: %s", c.ID, value(c.IndexError))
			}
			waiting = slices.DeleteFunc(waiting, func(id string) bool {
				return id == c.ID && c.Status == api.IndexStatusReady
			})
		}
		return len(waiting) == 0, nil
	})
}

// Idle waits until the default workspace has nothing left to index. The test fails if a
// conversation could not be indexed.
func (s *Service) Idle(t testing.TB) {
	t.Helper()
	AwaitIndex(t, s.Client)
}

// AwaitIndex waits until the client's workspace has nothing left to index. The test fails
// if a conversation could not be indexed.
func AwaitIndex(t testing.TB, c *client.Client) {
	t.Helper()
	Await(t, "nothing is left to index", func(ctx context.Context) (bool, error) {
		stats, err := c.Stats(ctx)
		if err == nil && stats.Backlog.Failed > 0 {
			require.Fail(t, "conversations were not indexed", "%d of them", stats.Backlog.Failed)
		}
		return stats.Backlog.Queued+stats.Backlog.Indexing == 0, err
	})
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// AwaitImport waits until an upload of the client's workspace is indexed.
func AwaitImport(t testing.TB, c *client.Client, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	i, err := c.AwaitImport(ctx, id)
	require.NoError(t, err)
	require.Equal(t, api.ImportStatusReady, i.Status, value(i.Error))
}
