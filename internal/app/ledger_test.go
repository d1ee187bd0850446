package app_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/ledger"
	"github.com/lethe-chat/lethe/internal/ledger/book"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func withLedger(place string) apptest.Option {
	return apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_LEDGER="+place)
}

// While the service deletes again what a restored backup has brought back, it answers no request, and says why.
func TestNothingIsAnsweredBeforeTheLedgerIsObeyed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		place := filepath.Join(t.TempDir(), "ledger")
		first := apptest.Start(t, db, withLedger(place))
		id := first.Upload(t, "x", "one")
		first.Stop(t)
		backup := db.Clone(t)
		second := apptest.Start(t, db, withLedger(place))
		_, err := second.Client.Delete(t.Context(), id)
		require.NoError(t, err)
		second.Stop(t)

		b, err := book.Open(place)
		require.NoError(t, err)
		defer b.Close()
		address := freeAddress(t)
		var third *apptest.Service
		ready := make(chan struct{})
		require.NoError(t, b.Exclusively(t.Context(), func(book.Session) error { // the service waits for its turn
			go func() {
				defer close(ready)
				third = apptest.Start(t, backup, withLedger(place), apptest.WithTrouble(), apptest.WithEnv("LETHE_ADDR="+address))
			}()
			apptest.Await(t, "the service says that it is not ready", func(ctx context.Context) (bool, error) {
				for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/api/chat-history/chats": 503, "/": 503} {
					got, body := plainGet(ctx, "http://"+address+path)
					if got == 0 {
						return false, nil
					}
					require.Equal(t, want, got, "%s: %s", path, body)
					if want == 503 {
						require.Contains(t, body, "ledger of deletes", path)
					}
				}
				return true, nil
			})
			return nil
		}))
		<-ready
		_, err = third.Client.Get(t.Context(), id)
		require.Error(t, err)
		list, err := third.Client.Deletions(t.Context(), 1, 10)
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.Equal(t, ledger.KeyID, list.Items[0].KeyID)
	})
}

// A database with a ledger is not served without it.
func TestADatabaseWithALedgerNeedsIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		apptest.Start(t, db, withLedger(filepath.Join(t.TempDir(), "ledger"))).Stop(t)
		c, err := config.Load(append(db.Environ(), "LETHE_ADDR=127.0.0.1:0", "LETHE_EMBEDDER=none"))
		require.NoError(t, err)
		a, err := app.New(t.Context(), app.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		err = a.Run(t.Context(), func(app.Started) { require.Fail(t, "it has started") })
		require.NoError(t, a.Close())
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.Contains(t, err.Error(), "LETHE_LEDGER is not set")
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func plainGet(ctx context.Context, url string) (int, string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, ""
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	body := make([]byte, 4096)
	n, _ := answer.Body.Read(body)
	return answer.StatusCode, string(body[:n])
}
