package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// TestTheCommandLine runs the commands for the whole life of a conversation. Only the upload uses the client library.
func TestTheCommandLine(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		said := strings.Join(serving(t, db), "\n")
		url := between(t, said, "listening on ", "\n")
		key := strings.TrimSpace(between(t, said, "makes more):", "Try it"))
		lethe := func(want int, args ...string) string {
			t.Helper()
			var stdout, stderr strings.Builder
			code := run(t.Context(), args, db.Environ(), &stdout, &stderr)
			require.Equal(t, want, code, "%v\n%s", args, stderr.String())
			if want != exitOK {
				return stderr.String()
			}
			return stdout.String()
		}
		remote := func(args ...string) []string { return append(args, "--url", url, "--key", key) }

		c, err := client.New(url, key)
		require.NoError(t, err)
		words := "The spare key is under the blue flowerpot."
		done, err := c.Upload(t.Context(), api.UploadRequest{Conversation: api.UploadedChat{
			ID: "x", Title: ptr("Keys"), Messages: []api.UploadedMessage{{Role: "human", Content: words}},
		}})
		require.NoError(t, err)
		_, err = c.AwaitImport(t.Context(), done.ImportID)
		require.NoError(t, err)

		require.Contains(t, lethe(exitOK, remote("list")...), done.ConversationID)
		require.Contains(t, lethe(exitOK, remote("search", "flowerpot")...), words)
		require.Contains(t, lethe(exitOK, remote("search", "--json", "flowerpot")...), `"messageId"`)
		require.Contains(t, lethe(exitOK, remote("recall", "where", "is", "the", "key")...), words)
		require.Contains(t, lethe(exitOK, "doctor"), "wrong counters")
		require.Contains(t, lethe(exitOK, "doctor"), "reranker  off (LETHE_RERANK_URL)\nrecall    quotes (LETHE_LLM_URL)\n")
		require.Contains(t, lethe(exitOK, "doctor", "--json"), `"count":0`)
		require.Equal(t, done.ConversationID+"\n", lethe(exitOK, remote("delete", done.ConversationID)...))
		require.Contains(t, lethe(exitFailure, remote("delete", done.ConversationID)...), "none of these")
		require.NotContains(t, lethe(exitOK, remote("list")...), done.ConversationID)
		require.NotContains(t, lethe(exitOK, remote("search", "flowerpot")...), words)

		require.Contains(t, lethe(exitFailure, "list", "--url", url), "LETHE_API_KEY")
		require.Contains(t, lethe(exitFailure, "list", "--url", url, "--key", "lethe_no"), "Invalid or revoked API key")
		require.Contains(t, lethe(exitFailure, remote("search", "--mode", "telepathy", "x")...), "mode")
		require.Contains(t, lethe(exitUsage, "forget"), "forget")

		made := strings.TrimSpace(lethe(exitOK, "keys", "create", "--workspace", "other", "--name", "n", "--scopes", "read"))
		require.True(t, strings.HasPrefix(made, "lethe_"), "the key alone: %q", made)
		require.NotContains(t, lethe(exitOK, "list", "--url", url, "--key", made), "Keys")
		require.Contains(t, lethe(exitFailure, "delete", "--url", url, "--key", made, done.ConversationID), "write")
		prefix := strings.Split(made, "_")[1]
		listed := lethe(exitOK, "keys", "list", "--workspace", "other")
		require.Contains(t, listed, prefix)
		require.NotContains(t, listed, made)
		lethe(exitOK, "keys", "revoke", prefix)
		require.Contains(t, lethe(exitFailure, "list", "--url", url, "--key", made), "Invalid or revoked API key")
		require.Contains(t, lethe(exitFailure, "keys", "revoke", "nobody"), "lethe keys list")
		require.Contains(t, lethe(exitFailure, "keys", "create", "--scopes", "owner"), "unknown scope")
	})
}

func ptr[T any](v T) *T { return &v }

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, from)
	require.True(t, ok, "%q is missing in %q", from, s)
	part, _, ok := strings.Cut(rest, to)
	require.True(t, ok, "%q is missing in %q", to, rest)
	return part
}
