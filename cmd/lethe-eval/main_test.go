package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const dataset = `[{"sample_id": "one", "conversation": {
	"session_1_date_time": "1:56 pm on 8 May, 2023",
	"session_1": [
		{"dia_id": "D1:1", "speaker": "Ann", "text": "I put the spare key under the flowerpot."},
		{"dia_id": "D1:2", "speaker": "Bob", "text": "And the ferry goes at nine."}]},
	"qa": [{"question": "When does the ferry go?", "category": 4, "evidence": ["D1:2"]}]}]`

func TestADatasetIsMeasured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dataset.json")
	require.NoError(t, os.WriteFile(file, []byte(dataset), 0o600))
	var out, said bytes.Buffer
	code := run(t.Context(), []string{"-dataset", file, "-layout", "turns", "-mode", "keyword"}, []string{"LETHE_EMBEDDER=none"}, &out, &said)
	require.Zero(t, code, "%s", &said)
	line := strings.Fields(strings.Split(out.String(), "\n")[1])
	require.Equal(t, []string{"keyword", "1", "1.000"}, line[:3], "%s", &out)

	require.Equal(t, 1, run(t.Context(), []string{"-dataset", file + ".missing"}, nil, &out, &said))
	require.Equal(t, 2, run(t.Context(), []string{"-nothing"}, nil, &out, &said))
}
