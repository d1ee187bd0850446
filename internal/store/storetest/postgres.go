package storetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store"
)

// URLVariable names the PostgreSQL that tests may use. `make test` sets it.
const URLVariable = "LETHE_TEST_DATABASE_URL"

// postgresOptions makes an empty database for one test, by cloning one whose
// migrations have run, and drops it afterwards. A missing server fails the test:
// half of what Lethe promises would go untested.
func postgresOptions(t testing.TB) store.Options {
	t.Helper()
	server := os.Getenv(URLVariable)
	if server == "" {
		t.Fatalf("%s is not set: run the tests with `make test` or `make test-short`, which find or fetch a PostgreSQL with pgvector", URLVariable)
	}
	source := template(t, server)
	name := "lethe_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	admin(t, server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY", name, source))
	t.Cleanup(func() { admin(t, server, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", name)) })
	return store.Options{URL: databaseURL(t, server, name)}
}

// templates are made once a test process and server.
var templates struct {
	sync.Mutex
	names map[string]string
}

func template(t testing.TB, server string) string {
	t.Helper()
	templates.Lock()
	defer templates.Unlock()
	if name := templates.names[server]; name != "" {
		return name
	}
	name := "lethe_template_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	admin(t, server, "CREATE DATABASE "+name)
	s, err := store.Open(context.Background(), store.Options{URL: databaseURL(t, server, name)})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	if templates.names == nil {
		templates.names = map[string]string{}
	}
	templates.names[server] = name
	return name
}

// DropTemplates removes what the tests of this process left on the server; call
// it from TestMain, after the tests.
func DropTemplates() {
	templates.Lock()
	defer templates.Unlock()
	for server, name := range templates.names {
		if conn, err := pgx.Connect(context.Background(), server); err == nil {
			_, _ = conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") // the next server start loses it anyway
			_ = conn.Close(context.Background())
		}
	}
	templates.names = nil
}

func admin(t testing.TB, server, statement string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), server)
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // the statement's own error is what counts
	_, err = conn.Exec(context.Background(), statement)
	require.NoError(t, err)
}

func databaseURL(t testing.TB, server, database string) string {
	t.Helper()
	u, err := url.Parse(server)
	require.NoError(t, err)
	u.Path = "/" + database
	return u.String()
}
