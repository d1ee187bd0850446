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

// Main runs the tests of a package and then removes the template that they left
// on the server: func TestMain(m *testing.M) { storetest.Main(m) }.
func Main(m *testing.M) {
	code := m.Run()
	for server, name := range templates.names {
		drop(server, name)
	}
	os.Exit(code) //nolint:forbidigo // what a TestMain is for
}

func drop(server, name string) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return // the server is gone, and the template with it
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing was changed through it but the template
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		fmt.Fprintln(os.Stderr, "storetest: a template database was left behind:", err)
	}
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
