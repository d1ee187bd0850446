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

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const docsHead = `# Configuration

<!-- Written from internal/config/variables.go by
     go test ./internal/config -run TestDocsAreCurrent -update -->

Lethe is configured by environment variables alone. None is needed: without any,
it listens on this machine only and keeps everything in one SQLite file. A
variable that is empty counts as not set. Lists are separated by commas.

Every problem is reported at once, when a command starts, with what is accepted;
so is a variable that begins with ` + "`LETHE_`" + ` and means nothing, because it is most
likely a typo. (Names that begin with ` + "`LETHE_TEST_`" + ` are for the tests, and those that
container platforms make up for a service called "lethe" are left alone.)

| variable | default | accepts | meaning |
|---|---|---|---|
`

const docsTail = `
Values marked * are secrets: they are never logged, and shown only as set.

## Examples

PostgreSQL instead of the SQLite file:

` + "```sh" + `
LETHE_DATABASE_URL='postgres://lethe:password@localhost:5432/lethe' lethe serve
` + "```" + `

Vectors from a model in Ollama on the same machine:

` + "```sh" + `
LETHE_EMBEDDER=openai LETHE_EMBEDDINGS_URL=http://localhost:11434/v1 LETHE_EMBEDDINGS_MODEL=nomic-embed-text lethe serve
` + "```" + `

Digests written by a language model in Ollama, search results in the order of a reranker in llama.cpp:

` + "```sh" + `
LETHE_LLM_URL=http://localhost:11434/v1 LETHE_LLM_MODEL=qwen3:8b LETHE_RERANK_URL=http://localhost:8080/v1 LETHE_RERANK_MODEL=bge-reranker-v2-m3 lethe serve
` + "```" + `

Reachable for others, under its own name, behind a proxy that speaks TLS:

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
		if v.Default != "" {
			standard = v.Default
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s |\n", v.Name, secret, standard, v.Accepts, v.Meaning)
	}
	b.WriteString(docsTail)
	return b.String()
}

// TestDocsAreCurrent holds docs/configuration.md to the table in the code.
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
