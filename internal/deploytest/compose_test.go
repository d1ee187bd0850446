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

// A default inside a default is read wrongly, and silently, by Compose 1.
func TestComposeFileNestsNoDefaults(t *testing.T) {
	require.NotRegexp(t, regexp.MustCompile(`\$\{[^}]*\$\{`), read(t, composeFile))
}

// What the tests run on, where they run it in Docker, is what is deployed.
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

// settings are what Lethe makes of its environment in the container: the image's
// variables under those of the file.
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

func TestDefaultsFitTogether(t *testing.T) {
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
	require.Empty(t, c.APIKey, "without a key the first start makes one")
	require.Contains(t, c.Hosts, "127.0.0.1", "the published port is called by this name")
	require.Zero(t, c.RatePerSecond)
}

func TestWhatTheUserSetsArrives(t *testing.T) {
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

// A guard that cannot fail guards nothing: the file with one thing made worse.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	original := read(t, composeFile)
	// Images by the names that the file has now: a newer one breaks no case.
	image := func(repository string) string {
		found := regexp.MustCompile(regexp.QuoteMeta(repository) + `:[^\s"]+`).FindString(original)
		require.NotEmpty(t, found, repository)
		return found
	}
	pgvector, ollama := image("pgvector/pgvector"), image("ollama/ollama")
	for name, change := range map[string]struct{ from, to, problem string }{
		"an old pgvector":               {pgvector, "pgvector/pgvector:0.8.3-pg17", "older than 0.8.4"},
		"a pgvector of no version":      {pgvector, "pgvector/pgvector:pg17", "is not pgvector/pgvector:X.Y.Z-pgN"},
		"the latest image":              {ollama, "ollama/ollama:latest", "names no version"},
		"a port for everybody":          {"- 127.0.0.1:${LETHE_PORT", "- ${LETHE_PORT", "only Lethe's own may be"},
		"the database's port":           {"shm_size: 512mb", "ports: ['127.0.0.1:5432:5432']", "only Lethe's own may be"},
		"the machine's network":         {"  ollama:\n    image:", "  ollama:\n    network_mode: host\n    image:", "network_mode"},
		"a way to the database":         {"internal: true", "internal: false", "not internal"},
		"a neighbor of the database":    {"  ollama:\n    image:", "  ollama:\n    networks: [database]\n    image:", "can reach the database"},
		"root":                          {`user: "65532:65532"`, `user: "0:0"`, "runs as root"},
		"a user by name":                {`user: "65532:65532"`, `user: nobody`, "runs as root"},
		"a root that can be written":    {"read_only: true", "read_only: false", "read_only"},
		"capabilities":                  {"- ALL", "- NET_RAW", "cap_drop"},
		"privileges":                    {"read_only: true", "privileged: true", "does not need"},
		"privileges to be gained":       {"no-new-privileges:true", "seccomp:unconfined", "may gain privileges"},
		"a folder of the machine":       {"- lethe-data:/data", "- /var/run:/data", "sees /var/run"},
		"a history without a volume":    {"- db-data:/var/lib/postgresql/data", "- db-data:/elsewhere", "is lost with the container"},
		"no wait for the database":      {"condition: service_healthy", "condition: service_started", "before the database is healthy"},
		"no wait for the model":         {"condition: service_completed_successfully", "condition: service_started", "before its model is there"},
		"no health check":               {`test: ["CMD", "/lethe", "health"]`, "disable: true", "no health check"},
		"a stop for good":               {"restart: unless-stopped", `restart: "no"`, "come back by itself"},
		"a setting that does not exist": {"LETHE_LOG_LEVEL:", "LETHE_LOGLEVEL:", "no setting LETHE_LOGLEVEL"},
		"a setting that was forgotten":  {"LETHE_LOG_LEVEL:", "LETHE_LOG_FORMAT_:", "LETHE_LOG_LEVEL is not handed on"},
		"a setting of the image":        {"LETHE_LOG_LEVEL:", "LETHE_ADDR: 127.0.0.1:1\n      LETHE_LOG_LEVEL:", "LETHE_ADDR is the image's to set"},
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
		"a word that does not exist": {"read_only: true", "readonly: true"},
		"an unknown volume":          {"- lethe-data:/data", "- lethedata:/data"},
		"an unknown service":         {"      db:\n        condition", "      database:\n        condition"},
		"a wrong type":               {"retries: 3", "retries: often"},
	} {
		t.Run(name, func(t *testing.T) {
			worse := strings.Replace(original, change[0], change[1], 1)
			require.NotEqual(t, original, worse, "the file no longer has what this case replaces")
			_, err := compose(t, worse, nil, everything)
			require.Error(t, err)
		})
	}
}
