package deploytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// root is the repository's folder, relative to this package.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// everything selects all profiles.
const everything = "*"

// compose loads a compose file like Docker Compose, with only this environment. The error
// is what a user would read.
func compose(t *testing.T, text string, environ []string, profiles ...string) (*types.Project, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "docker-compose.yml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	options, err := cli.NewProjectOptions([]string{file},
		cli.WithName("lethe"), cli.WithEnv(environ), cli.WithProfiles(profiles))
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

// instruction is one instruction of a Dockerfile: its keyword and its arguments.
type instruction struct{ word, rest string }

// dockerfile returns a Dockerfile's instructions, with continued lines joined.
func dockerfile(text string) (instructions []instruction) {
	var line strings.Builder
	for _, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		begun, more := strings.CutSuffix(l, `\`)
		line.WriteString(begun)
		if more {
			continue
		}
		word, rest, _ := strings.Cut(line.String(), " ")
		instructions = append(instructions, instruction{strings.ToUpper(word), strings.TrimSpace(rest)})
		line.Reset()
	}
	return instructions
}

// finalStage returns the instructions after the last FROM, which build the image.
func finalStage(instructions []instruction) []instruction {
	last := 0
	for i, in := range instructions {
		if in.word == "FROM" {
			last = i
		}
	}
	return instructions[last:]
}

// values returns the arguments of every instruction with the keyword.
func values(instructions []instruction, word string) (rest []string) {
	for _, in := range instructions {
		if in.word == word {
			rest = append(rest, in.rest)
		}
	}
	return rest
}

// variables returns the environment variables that the image sets.
func variables(stage []instruction) map[string]string {
	set := map[string]string{}
	for _, rest := range values(stage, "ENV") {
		for _, pair := range strings.Fields(rest) {
			name, value, _ := strings.Cut(pair, "=")
			set[name] = value
		}
	}
	return set
}
