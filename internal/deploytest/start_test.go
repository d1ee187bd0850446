package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// The start message is read on the host. It contains the published port and a command
// that works there.
func TestTheStartMessageHasTheHostsPortAndCommand(t *testing.T) {
	for environ, want := range map[string]string{"": "http://127.0.0.1:8787", "LETHE_PORT=9999": "http://127.0.0.1:9999"} {
		project, err := compose(t, read(t, composeFile), []string{environ})
		require.NoError(t, err)
		c := settings(t, project)
		port := project.Services[service].Ports[0]
		require.Equal(t, want, c.PublicURL)
		require.Equal(t, want, "http://"+port.HostIP+":"+port.Published)
		require.Equal(t, "docker compose exec "+service+" lethe", c.Command)
	}
	stage := finalStage(dockerfile(read(t, "Dockerfile")))
	require.Equal(t, "/", variables(stage)["PATH"], "the command must be found by its name")
}

// Docker would first try to pull an image that has a name, with a warning, although it is
// built here.
func TestBuiltImagesAreNotPulled(t *testing.T) {
	project, err := compose(t, read(t, composeFile), nil, everything)
	require.NoError(t, err)
	for name, s := range project.Services {
		asked := s.Build != nil && s.Image != "" && s.PullPolicy != types.PullPolicyBuild && s.PullPolicy != types.PullPolicyNever
		require.False(t, asked, name)
	}
}

// Files written by a command in the container go to the volume. The file of the running
// service does not, because it contains a token.
func TestWhereTheContainerWrites(t *testing.T) {
	project, err := compose(t, read(t, composeFile), nil)
	require.NoError(t, err)
	stage := finalStage(dockerfile(read(t, "Dockerfile")))
	require.Equal(t, []string{kept[service]}, values(stage, "WORKDIR"))
	runtime := variables(stage)["LETHE_RUNTIME_DIR"]
	require.NotEmpty(t, runtime)
	require.Contains(t, project.Services[service].Tmpfs, filepath.Dir(runtime))
	require.False(t, strings.HasPrefix(runtime, kept[service]))
}

// The certificate authority of a network that inspects TLS is used by the build only.
func TestAnAuthorityOfTheNetworkStaysInTheBuild(t *testing.T) {
	project, err := compose(t, read(t, composeFile), []string{"CA_CERT=a\nb"})
	require.NoError(t, err)
	require.Equal(t, "a\nb", *project.Services[service].Build.Args["CA_CERT"])
	all := dockerfile(read(t, "Dockerfile"))
	runs := values(all, "RUN")
	added := indexOf(runs, `"$CA_CERT" >/usr/local/share/ca-certificates/build.crt`)
	download := indexOf(runs, "go mod download")
	removed := indexOf(runs, "rm -f /usr/local/share/ca-certificates/build.crt")
	require.GreaterOrEqual(t, added, 0)
	require.Less(t, added, download)
	require.GreaterOrEqual(t, removed, 0, "the certificate is not removed")
	require.Contains(t, runs[removed], "update-ca-certificates --fresh >/dev/null && cp /etc/ssl/certs/ca-certificates.crt")
	for _, arg := range values(finalStage(all), "ARG") {
		require.NotContains(t, arg, "CA_CERT")
	}
}

func indexOf(lines []string, part string) int {
	for i, line := range lines {
		if strings.Contains(line, part) {
			return i
		}
	}
	return -1
}

// The program in the image knows its version: the one given to the build, or the commit.
func TestTheImageTellsItsVersion(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	runs := values(dockerfile(read(t, "Dockerfile")), "RUN")
	at := indexOf(runs, "-X main.version=")
	require.GreaterOrEqual(t, at, 0, "the version is not set")
	script := runs[at]
	for name, c := range map[string]struct {
		files   map[string]string
		version string
		want    string
	}{
		"a branch":          {map[string]string{"HEAD": "ref: refs/heads/main\n", "refs/heads/main": commit + "\n"}, "", "dev-0123456789ab"},
		"a packed branch":   {map[string]string{"HEAD": "ref: refs/heads/a/b\n", "packed-refs": "# pack\n" + strings.Repeat("f", 40) + " refs/heads/a\n" + commit + " refs/heads/a/b\n"}, "", "dev-0123456789ab"},
		"a commit":          {map[string]string{"HEAD": commit + "\n"}, "", "dev-0123456789ab"},
		"no repository":     {nil, "", "dev"},
		"a version":         {nil, "v1.2.3", "v1.2.3"},
		"a version, branch": {map[string]string{"HEAD": commit + "\n"}, "v1.2.3", "v1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range c.files {
				path := filepath.Join(dir, ".git", file)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
				require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			}
			builder := "go() { echo \"$@\"; }\n" + script
			sh := exec.CommandContext(t.Context(), "sh", "-c", builder)
			sh.Dir, sh.Env = dir, append(os.Environ(), "VERSION="+c.version)
			out, err := sh.CombinedOutput()
			require.NoError(t, err, string(out))
			built := regexp.MustCompile(`main\.version=(\S+) -o `).FindSubmatch(out)
			require.NotNil(t, built, string(out))
			require.Equal(t, c.want, string(built[1]))
		})
	}
	ignore := strings.Split(read(t, ".dockerignore"), "\n")
	for file, out := range map[string]bool{".git/HEAD": false, ".git/packed-refs": false, ".git/refs/heads/main": false, ".git/objects/a/b": true, ".git/logs/HEAD": true} {
		require.Equal(t, out, ignored(ignore, file), file)
	}
}
