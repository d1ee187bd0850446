package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/configuration.md again")

const docsHead = `# Configuration

<!-- Generated from internal/config/variables.go by
     go test ./internal/config -run TestDocsAreCurrent -update -->

Lethe is configured by environment variables only. None is required: by default it
listens on this machine only and stores everything in one SQLite file. An empty
variable counts as not set. Lists are separated by commas.

A command that starts reports all problems at once, with what is accepted. It also
reports unknown variables that begin with ` + "`LETHE_`" + `, because they are probably typos.
(Names that begin with ` + "`LETHE_TEST_`" + `, and those that container platforms create for a
service called "lethe", are ignored.)

| variable | default | accepts | meaning |
|---|---|---|---|
`

const docsTail = `
Values marked * are secrets. They are never logged, and printed only as "[set]".

## Examples

PostgreSQL instead of the SQLite file:

` + "```sh" + `
LETHE_DATABASE_URL='postgres://lethe:password@localhost:5432/lethe' lethe serve
` + "```" + `

An embedding model in Ollama on the same machine:

` + "```sh" + `
LETHE_EMBEDDER=openai LETHE_EMBEDDINGS_URL=http://localhost:11434/v1 LETHE_EMBEDDINGS_MODEL=nomic-embed-text lethe serve
` + "```" + `

A language model in Ollama that writes digests, and a reranker in llama.cpp:

` + "```sh" + `
LETHE_LLM_URL=http://localhost:11434/v1 LETHE_LLM_MODEL=qwen3:8b LETHE_RERANK_URL=http://localhost:8080/v1 LETHE_RERANK_MODEL=bge-reranker-v2-m3 lethe serve
` + "```" + `

For other machines, behind a proxy with TLS:

` + "```sh" + `
LETHE_ADDR=:8787 LETHE_ALLOWED_HOSTS=lethe.example.com lethe serve
` + "```" + `
`

func markdown() string {
	var b strings.Builder
	b.WriteString(docsHead)
	for _, v := range Variables() {
		secret, standard := "", "not set"
		if v.Secret {
			secret = " *"
		}
		if v.Standard() != "" {
			standard = v.Standard()
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s |\n", v.Name, secret, standard, v.Accepts(), v.Meaning)
	}
	b.WriteString(docsTail)
	return b.String()
}

// TestDocsAreCurrent checks that docs/configuration.md is generated from Variables.
func TestDocsAreCurrent(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "configuration.md")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(markdown()), 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, markdown(), strings.ReplaceAll(string(got), "\r\n", "\n"),
		"run: go test ./internal/config -run TestDocsAreCurrent -update")
}
