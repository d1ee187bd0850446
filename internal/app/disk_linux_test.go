package app_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// On a full disk uploads are refused with the reason, the service is not ready and says
// why, and deletes work, also after a restart and when others have taken the last byte.
// Where no small file system can be mounted,
// the test returns; the store tests a disk that refuses writes.
func TestAServiceOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Logf("no small file system can be mounted here: %v", err)
		return
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	db := storetest.New(t, storetest.SQLite)
	start := func() *apptest.Service {
		return apptest.Start(t, db, apptest.WithTrouble(), apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_RATE_LIMIT=0", "LETHE_DATA_DIR="+filepath.Join(dir, "data")))
	}
	const full = "the disk of the database is full"
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // texts of a test
	n := 0
	fill := func(s *apptest.Service) reply {
		for {
			n++
			words := make([]string, 2000)
			for i := range words {
				words[i] = fmt.Sprintf("%08x", random.Uint32())
			}
			got := send(t, s, "POST", "/api/chat-history/ingest/custom-online",
				fmt.Sprintf(`{"conversation":{"id":"c%d","messages":[{"role":"human","content":%q}]}}`, n, strings.Join(words, " ")))
			if got.status != 200 {
				return got
			}
		}
	}
	deleteOne := func(s *apptest.Service) {
		t.Helper()
		listed := answered[api.ConversationList](t, s, "GET", "/api/chat-history/chats?pageSize=1", "")
		require.NotEmpty(t, listed.Items)
		answer := answered[api.DeleteAnswer](t, s, "DELETE", chats, `{"ids":["`+listed.Items[0].ID+`"]}`)
		require.Equal(t, 1, answer.Count)
	}
	s := start()
	refused := fill(s)
	require.Equal(t, 503, refused.status, refused.body)
	require.Contains(t, refused.body, full)
	ready := send(t, s, "GET", "/readyz", "")
	require.Equal(t, 503, ready.status, ready.body)
	require.Contains(t, ready.body, full)
	deleteOne(s)
	s.Stop(t)

	filler := filepath.Join(dir, "filler") // another program takes the rest
	require.ErrorIs(t, os.WriteFile(filler, make([]byte, 24<<20), 0o600), syscall.ENOSPC)
	s = start()
	deleteOne(s)
	require.Contains(t, fill(s).body, full)
	deleteOne(s)
	s.Stop(t)
	require.NoError(t, os.Remove(filler))

	s = start()
	require.Contains(t, fill(s).body, full)
	for range 20 {
		deleteOne(s)
	}
	apptest.Await(t, "room on the disk", func(context.Context) (bool, error) {
		return send(t, s, "GET", "/readyz", "").status == 200, nil
	})
	got := send(t, s, "POST", "/api/chat-history/ingest/custom-online", `{"conversation":{"id":"again","messages":[{"role":"human","content":"there is room"}]}}`)
	require.Equal(t, 200, got.status, got.body)
}
