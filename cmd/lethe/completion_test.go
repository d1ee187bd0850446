package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShellsComplete(t *testing.T) {
	asked := func(args ...string) string {
		var out, said bytes.Buffer
		require.Zero(t, run(t.Context(), args, nil, &out, &said), "%s", &said)
		return out.String()
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, asked("completion", shell), "lethe", shell)
	}
	require.Contains(t, asked("__complete", "se"), "search\t")
	require.Contains(t, asked("__complete", "keys", "create", "--scopes", ""), "read,write\n")
	require.Contains(t, asked("__complete", "search", "--mode", ""), "keyword\n")
}
