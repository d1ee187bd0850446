package deploytest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The image is built with the Go version of go.mod: an older one refuses to build it, and
// a newer one was not tested.
func TestImageBuildsWithTheModulesGo(t *testing.T) {
	want := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "go.mod"))
	require.NotNil(t, want)
	stages := values(dockerfile(read(t, "Dockerfile")), "FROM")
	require.Len(t, stages, 2)
	require.Regexp(t, "^golang:"+regexp.QuoteMeta(want[1])+"(-[a-z]+)? AS build$", stages[0])
	require.Equal(t, "scratch", stages[1])
}

func TestImageGrantsAsLittleAsPossible(t *testing.T) {
	stage := finalStage(dockerfile(read(t, "Dockerfile")))
	users := values(stage, "USER")
	require.Len(t, users, 1)
	require.Regexp(t, numericUser, users[0])
	require.Empty(t, values(stage, "RUN"))
	require.Empty(t, values(stage, "ADD"))
	for _, copied := range values(stage, "COPY") {
		require.Contains(t, copied, "--from=build", "the image contains only files from the build")
	}
}

// The Dockerfile compiles dependencies before it copies the source. A dependency that
// Lethe no longer has would fail the build, which tests do not run.
func TestImageCompilesDependenciesThatAreThere(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/lethe")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	packages := strings.Fields(string(out))

	var early []string
	for _, run := range values(dockerfile(read(t, "Dockerfile")), "RUN") {
		if command, ok := strings.CutPrefix(run, "go build "); ok && !strings.Contains(command, "./cmd/lethe") {
			early = append(early, strings.Fields(command)...)
		}
	}
	require.NotEmpty(t, early)
	for _, dependency := range early {
		require.True(t, slices.Contains(packages, dependency), "cmd/lethe is not built from the package %s", dependency)
	}
}

// The image's settings match what the compose file expects.
func TestImageAndComposeFileAgree(t *testing.T) {
	project, err := compose(t, read(t, composeFile), nil)
	require.NoError(t, err)
	lethe := project.Services[service]
	stage := finalStage(dockerfile(read(t, "Dockerfile")))
	set := variables(stage)

	require.Equal(t, []string{lethe.User}, values(stage, "USER"))
	require.Equal(t, []string{"8787"}, values(stage, "EXPOSE"))
	require.Equal(t, uint32(8787), lethe.Ports[0].Target)
	require.Equal(t, "0.0.0.0:8787", set["LETHE_ADDR"])
	require.Equal(t, []string{kept[service]}, values(stage, "VOLUME"))
	require.Equal(t, kept[service], set["LETHE_DATA_DIR"])
	require.Equal(t, []string{`["/lethe"]`}, values(stage, "ENTRYPOINT"))

	checks := values(stage, "HEALTHCHECK")
	require.Len(t, checks, 1)
	_, command, found := strings.Cut(checks[0], "CMD ")
	require.True(t, found)
	var words []string
	require.NoError(t, json.Unmarshal([]byte(command), &words), "a shell would be needed to run %s", command)
	require.Equal(t, []string(lethe.HealthCheck.Test), append([]string{"CMD"}, words...))
}

// A source file that .dockerignore excludes would only be missed when somebody builds the
// image.
func TestDockerignoreLetsTheProgramThrough(t *testing.T) {
	ignore := strings.Split(read(t, ".dockerignore"), "\n")
	needed := []string{"go.mod", "go.sum", "LICENSE"}
	needed = append(needed, programFiles(t)...)
	require.Contains(t, needed, "openapi.yaml", "embedded files must be included")
	for _, file := range needed {
		require.False(t, ignored(ignore, file), "%s is needed but ignored", file)
	}
	for _, file := range []string{".env", ".git/config", "bin/lethe", "README.md", "internal/chat/merge_test.go", "internal/rank/testdata/x.txt"} {
		require.True(t, ignored(ignore, file), "%s must be ignored", file)
	}
}

// programFiles returns the module's own files that cmd/lethe is built from.
func programFiles(t *testing.T) (files []string) {
	t.Helper()
	top, err := filepath.Abs(root)
	require.NoError(t, err)
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Dir,GoFiles,EmbedFiles", "./cmd/lethe")
	list.Dir = top
	out, err := list.Output()
	require.NoError(t, err)
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir                 string
			GoFiles, EmbedFiles []string
		}
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		folder, err := filepath.Rel(top, p.Dir)
		if err != nil || !filepath.IsLocal(folder) {
			continue // of another module
		}
		for _, file := range append(p.GoFiles, p.EmbedFiles...) {
			files = append(files, path.Join(filepath.ToSlash(folder), filepath.ToSlash(file)))
		}
	}
}

// ignored reads the patterns like Docker, as far as the file uses them: the last pattern
// that matches the file, or a folder that contains it, decides.
func ignored(patterns []string, file string) (out bool) {
	for _, pattern := range patterns {
		pattern = strings.TrimSpace(pattern)
		if pattern == "" || strings.HasPrefix(pattern, "#") {
			continue
		}
		rest, negated := strings.CutPrefix(pattern, "!")
		if matches(rest, file) {
			out = !negated
		}
	}
	return out
}

func matches(pattern, file string) bool {
	anywhere, deep := strings.CutPrefix(pattern, "**/")
	for name := file; name != "."; name = path.Dir(name) {
		candidate := name
		if deep {
			candidate, pattern = path.Base(name), anywhere
		}
		if ok, err := path.Match(pattern, candidate); err == nil && ok {
			return true
		}
	}
	return false
}
