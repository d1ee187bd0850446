package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store"
)

// URLVariable is the environment variable with the URL of the PostgreSQL for tests. `make test` sets it. Without it
// the tests run on SQLite only.
const URLVariable = "LETHE_TEST_DATABASE_URL"

// postgresOptions creates an empty database for one test by cloning one with all migrations, and drops it afterwards.
func postgresOptions(t testing.TB) store.Options {
	t.Helper()
	if os.Getenv(LayoutVariable) == citusLayout {
		return citusOptions(t)
	}
	return cloned(t, layout(t))
}

// cloned returns the options of a clone of the database with all migrations and the layout of these statements.
func cloned(t testing.TB, partitions string) store.Options {
	t.Helper()
	server := sharedServer(t)
	source := template(t, server, partitions)
	name := databaseName()
	admin(t, server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY", name, source))
	t.Cleanup(func() { drop(t, server, name) })
	return store.Options{URL: databaseURL(t, server, name)}
}

func sharedServer(t testing.TB) string {
	t.Helper()
	server := os.Getenv(URLVariable)
	if server == "" {
		t.Fatalf("this test needs PostgreSQL, and %s is not set: a test reaches PostgreSQL through Each, OnPostgres or Kinds", URLVariable)
	}
	return server
}

func databaseName() string { return "lethe_test_" + strings.ReplaceAll(uuid.NewString(), "-", "") }

func drop(t testing.TB, server, name string) {
	t.Helper()
	admin(t, server, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", name))
}

// template returns the name of the database that tests clone. There is one per version of the migrations and layout,
// and the first test process creates it.
func template(t testing.TB, server, partitions string) string {
	t.Helper()
	ctx := context.Background()
	name := "lethe_template_" + store.SchemaFingerprint(Postgres)
	if partitions != "" {
		sum := sha256.Sum256([]byte(partitions))
		name += "_" + hex.EncodeToString(sum[:4])
	}
	conn, err := pgx.Connect(ctx, server)
	require.NoError(t, err)
	defer conn.Close(ctx) //nolint:errcheck // closing the connection releases the lock
	_, err = conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name)
	require.NoError(t, err)
	var exists bool
	require.NoError(t, conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists))
	if exists {
		return name
	}
	draft := name + "_draft" // renamed when it is complete, because the process may be killed before
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)", "CREATE DATABASE " + draft} {
		_, err = conn.Exec(ctx, statement)
		require.NoError(t, err)
	}
	s, err := store.Open(ctx, store.Options{URL: databaseURL(t, server, draft)})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	if partitions != "" {
		admin(t, databaseURL(t, server, draft), partitions)
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name)
	require.NoError(t, err)
	return name
}

// LayoutVariable is the environment variable that chooses a layout: "partitioned" runs the tests on tables that are
// hash partitioned by workspace, as in docs/partitions.sql; "citus" on tables that Citus distributes, as in
// docs/citus.sql.
const LayoutVariable = "LETHE_TEST_LAYOUT"

// layout returns the statements that change a migrated database into the chosen layout, or nothing.
func layout(t testing.TB) string {
	t.Helper()
	switch os.Getenv(LayoutVariable) {
	case "":
		return ""
	case "partitioned":
	default:
		t.Fatalf("%s can only be set to partitioned or citus", LayoutVariable)
	}
	statements, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "partitions.sql"))
	require.NoError(t, err)
	return string(statements)
}

// moduleRoot returns the folder of go.mod.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for filepath.Dir(dir) != dir {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

func admin(t testing.TB, server, statement string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), server)
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // the error of the statement matters
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
