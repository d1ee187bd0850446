package deploytest

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/config"
)

const composeFile = "docker-compose.yml"

func TestComposeFile(t *testing.T) {
	project, err := compose(t, read(t, composeFile), nil, everything)
	require.NoError(t, err)
	require.Empty(t, broken(project))
}

// Compose 1 silently misreads a default inside a default.
func TestComposeFileNestsNoDefaults(t *testing.T) {
	require.NotRegexp(t, regexp.MustCompile(`\$\{[^}]*\$\{`), read(t, composeFile))
}

// The tests that run PostgreSQL in Docker use the deployed image.
func TestTestsUseTheDeployedPostgres(t *testing.T) {
	project, err := compose(t, read(t, composeFile), nil)
	require.NoError(t, err)
	tested := regexp.MustCompile(`(?m)^IMAGE=\$\{LETHE_TEST_POSTGRES_IMAGE:-(.+)\}$`).
		FindStringSubmatch(read(t, "internal/store/storetest/ensure-postgres.sh"))
	require.NotNil(t, tested, "the script names its image")
	require.Equal(t, project.Services[database].Image, tested[1])
}

func TestProfiles(t *testing.T) {
	for profile, want := range map[string][]string{
		"":           {"db", "lethe"},
		"embeddings": {"db", "lethe", "ollama", "ollama-model"},
	} {
		t.Run(profile, func(t *testing.T) {
			project, err := compose(t, read(t, composeFile), nil, profile)
			require.NoError(t, err)
			got := project.ServiceNames()
			slices.Sort(got)
			require.Equal(t, want, got)
		})
	}
}

// settings returns Lethe's configuration in the container: the image's variables,
// overridden by those of the compose file.
func settings(t *testing.T, project *types.Project) config.Config {
	t.Helper()
	var environ []string
	for name, value := range variables(finalStage(dockerfile(read(t, "Dockerfile")))) {
		environ = append(environ, name+"="+value)
	}
	for name, value := range project.Services[service].Environment {
		if value != nil {
			environ = append(environ, name+"="+*value)
		}
	}
	c, err := config.Load(environ)
	require.NoError(t, err)
	return c
}

func TestDefaultsAgree(t *testing.T) {
	project, err := compose(t, read(t, composeFile), nil)
	require.NoError(t, err)
	c := settings(t, project)
	db := project.Services[database].Environment

	address, err := url.Parse(c.DatabaseURL.Reveal())
	require.NoError(t, err)
	require.Equal(t, database, address.Hostname())
	require.Equal(t, *db["POSTGRES_USER"], address.User.Username())
	require.Equal(t, "/"+*db["POSTGRES_DB"], address.Path)
	require.Equal(t, db["POSTGRES_PASSWORD"], project.Services[service].Environment["PGPASSWORD"])

	require.Equal(t, "8787", project.Services[service].Ports[0].Published)
	require.True(t, strings.HasSuffix(c.Addr, ":8787"), c.Addr)
	require.Empty(t, c.APIKey, "without a key the first start creates one")
	require.Contains(t, c.Hosts, "127.0.0.1", "clients call the published port by this name")
	require.Zero(t, c.RatePerSecond)
}

func TestUserSettingsReachTheContainers(t *testing.T) {
	project, err := compose(t, read(t, composeFile), []string{
		"POSTGRES_PASSWORD=s/p@ce",
		"LETHE_PORT=9999",
		"LETHE_DATABASE_URL=postgres://me@db.example.com/history",
		"LETHE_API_KEY=a-key-of-the-users-own",
		"LETHE_ALLOWED_HOSTS=lethe.example.com",
		"LETHE_RATE_LIMIT=5",
		"LETHE_LOG_FORMAT=json",
	})
	require.NoError(t, err)
	c := settings(t, project)
	require.Equal(t, "postgres://me@db.example.com/history", c.DatabaseURL.Reveal())
	require.Equal(t, "a-key-of-the-users-own", c.APIKey.Reveal())
	require.Equal(t, []string{"lethe.example.com"}, c.Hosts)
	require.InDelta(t, 5, c.RatePerSecond, 0)
	require.Equal(t, config.LogJSON, c.LogFormat)

	require.Equal(t, "9999", project.Services[service].Ports[0].Published)
	for name, variable := range map[string]string{database: "POSTGRES_PASSWORD", service: "PGPASSWORD"} {
		require.Equal(t, "s/p@ce", *project.Services[name].Environment[variable])
	}
}

func TestEmbeddingsProfileIsUsed(t *testing.T) {
	project, err := compose(t, read(t, composeFile), []string{"LETHE_EMBEDDER=openai"}, "embeddings")
	require.NoError(t, err)
	c := settings(t, project)
	require.Equal(t, config.EmbedderOpenAI, c.Embedder)

	server, err := url.Parse(c.EmbeddingsURL)
	require.NoError(t, err)
	require.Contains(t, project.ServiceNames(), server.Hostname())
	require.Equal(t, c.EmbeddingsModel, *project.Services["ollama-model"].Environment["LETHE_EMBEDDINGS_MODEL"])
	require.Equal(t, project.Services["ollama"].Image, project.Services["ollama-model"].Image)
}

// Each rule must find its fault: every case makes one thing in the file worse.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	original := read(t, composeFile)
	// Image names are read from the file, so that an update of an image breaks no case.
	image := func(repository string) string {
		found := regexp.MustCompile(regexp.QuoteMeta(repository) + `:[^\s"]+`).FindString(original)
		require.NotEmpty(t, found, repository)
		return found
	}
	pgvector, ollama := image("pgvector/pgvector"), image("ollama/ollama")
	for name, change := range map[string]struct{ from, to, problem string }{
		"an old pgvector":               {pgvector, "pgvector/pgvector:0.8.3-pg17", "older than 0.8.4"},
		"a pgvector without a version":  {pgvector, "pgvector/pgvector:pg17", "is not pgvector/pgvector:X.Y.Z-pgN"},
		"the latest image":              {ollama, "ollama/ollama:latest", "has no version"},
		"a port for everybody":          {"- 127.0.0.1:${LETHE_PORT", "- ${LETHE_PORT", "only Lethe's port may be"},
		"the database's port":           {"shm_size: 512mb", "ports: ['127.0.0.1:5432:5432']", "only Lethe's port may be"},
		"the machine's network":         {"  ollama:\n    image:", "  ollama:\n    network_mode: host\n    image:", "network_mode"},
		"a route to the database":       {"internal: true", "internal: false", "not internal"},
		"a neighbor of the database":    {"  ollama:\n    image:", "  ollama:\n    networks: [database]\n    image:", "can reach the database"},
		"root":                          {`user: "65532:65532"`, `user: "0:0"`, "runs as root"},
		"a user by name":                {`user: "65532:65532"`, `user: nobody`, "runs as root"},
		"a writable root":               {"read_only: true", "read_only: false", "read_only"},
		"capabilities":                  {"- ALL", "- NET_RAW", "cap_drop"},
		"privileges":                    {"read_only: true", "privileged: true", "does not need"},
		"more privileges later":         {"no-new-privileges:true", "seccomp:unconfined", "may gain privileges"},
		"a folder of the machine":       {"- lethe-data:/data", "- /var/run:/data", "can access /var/run"},
		"a history without a volume":    {"- db-data:/var/lib/postgresql/data", "- db-data:/elsewhere", "is lost with the container"},
		"no wait for the database":      {"condition: service_healthy", "condition: service_started", "before the database is healthy"},
		"no wait for the model":         {"condition: service_completed_successfully", "condition: service_started", "before its model is downloaded"},
		"no health check":               {`test: ["CMD", "/lethe", "health"]`, "disable: true", "no health check"},
		"no restart":                    {"restart: unless-stopped", `restart: "no"`, "does not restart by itself"},
		"a setting that does not exist": {"LETHE_LOG_LEVEL:", "LETHE_LOGLEVEL:", "no setting LETHE_LOGLEVEL"},
		"a setting that was forgotten":  {"LETHE_LOG_LEVEL:", "LETHE_LOG_FORMAT_:", "LETHE_LOG_LEVEL is not passed on"},
		"a setting of the image":        {"LETHE_LOG_LEVEL:", "LETHE_ADDR: 127.0.0.1:1\n      LETHE_LOG_LEVEL:", "LETHE_ADDR is set by the image"},
	} {
		t.Run(name, func(t *testing.T) {
			worse := strings.Replace(original, change.from, change.to, 1)
			require.NotEqual(t, original, worse, "the file no longer has what this case replaces")
			project, err := compose(t, worse, nil, everything)
			require.NoError(t, err)
			require.Contains(t, strings.Join(broken(project), "\n"), change.problem)
		})
	}
}

func TestAnInvalidFileIsRefused(t *testing.T) {
	original := read(t, composeFile)
	for name, change := range map[string][2]string{
		"an unknown key":     {"read_only: true", "readonly: true"},
		"an unknown volume":  {"- lethe-data:/data", "- lethedata:/data"},
		"an unknown service": {"      db:\n        condition", "      database:\n        condition"},
		"a wrong type":       {"retries: 3", "retries: often"},
	} {
		t.Run(name, func(t *testing.T) {
			worse := strings.Replace(original, change[0], change[1], 1)
			require.NotEqual(t, original, worse, "the file no longer has what this case replaces")
			_, err := compose(t, worse, nil, everything)
			require.Error(t, err)
		})
	}
}
