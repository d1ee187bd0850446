package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// The flag prints what the command prints.
func TestVersionIsAFlagToo(t *testing.T) {
	printed := map[string]string{}
	for _, argument := range []string{"version", "--version"} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitOK, run(t.Context(), []string{argument}, nil, &stdout, &stderr), stderr.String())
		require.Empty(t, stderr.String())
		printed[argument] = stdout.String()
	}
	require.Regexp(t, `^lethe \S+ \(go\S+, \w+/\w+\)\n$`, printed["version"])
	require.Equal(t, printed["version"], printed["--version"])
}
