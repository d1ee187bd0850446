package storetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
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

// template returns the name of the database that tests clone: one a version of
// the migrations, made by whichever test process comes first.
func template(t testing.TB, server string) string {
	t.Helper()
	ctx := context.Background()
	name := "lethe_template_" + store.SchemaFingerprint(Postgres)
	conn, err := pgx.Connect(ctx, server)
	require.NoError(t, err)
	defer conn.Close(ctx) //nolint:errcheck // and with it goes the lock
	_, err = conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name)
	require.NoError(t, err)
	var exists bool
	require.NoError(t, conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists))
	if exists {
		return name
	}
	draft := name + "_draft" // renamed when it is whole: a process may be killed in between
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)", "CREATE DATABASE " + draft} {
		_, err = conn.Exec(ctx, statement)
		require.NoError(t, err)
	}
	s, err := store.Open(ctx, store.Options{URL: databaseURL(t, server, draft)})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name)
	require.NoError(t, err)
	return name
}

// Main runs the tests of a package.
func Main(m *testing.M) {
	os.Exit(m.Run()) //nolint:forbidigo // what a TestMain is for
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
