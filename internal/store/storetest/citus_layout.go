package storetest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store"
)

// CitusVariable is the environment variable with the URL of a database with Citus, on a coordinator that has added its
// workers. The user must be a superuser with the same password on all of them. `make test-citus` needs it.
const CitusVariable = "LETHE_TEST_CITUS_URL"

const citusLayout = "citus"

// citusOptions creates a database on every server of a Citus cluster, migrates it, distributes its tables by
// docs/citus.sql, and drops it afterwards. It cannot be cloned from a template, because Citus keeps its shards in the
// workers' databases.
func citusOptions(t testing.TB) store.Options {
	t.Helper()
	coordinator := os.Getenv(CitusVariable)
	require.NotEmpty(t, coordinator, "%s is not set: give it the URL of a database with Citus on a coordinator", CitusVariable)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, coordinator)
	require.NoError(t, err)
	defer conn.Close(ctx) //nolint:errcheck // it is not used again
	rows, err := conn.Query(ctx, "SELECT nodename || ' ' || nodeport FROM pg_dist_node WHERE groupid <> 0 AND noderole = 'primary' AND isactive ORDER BY 1")
	require.NoError(t, err)
	nodes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, nodes, "the coordinator of %s has no workers", CitusVariable)
	name := databaseName()
	servers := []string{coordinator}
	var adding []string
	for _, node := range nodes {
		var host string
		var port int
		_, err := fmt.Sscan(node, &host, &port)
		require.NoError(t, err)
		servers = append(servers, onServer(t, coordinator, host, port))
		adding = append(adding, fmt.Sprintf("SELECT citus_add_node('%s', %d)", host, port))
	}
	for _, server := range servers {
		admin(t, server, "CREATE DATABASE "+name)
		t.Cleanup(func() { drop(t, server, name) })
		for _, extension := range []string{"citus", "vector"} {
			admin(t, databaseURL(t, server, name), "CREATE EXTENSION "+extension)
		}
	}
	u, err := url.Parse(coordinator)
	require.NoError(t, err)
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	own := databaseURL(t, coordinator, name)
	for _, statement := range append([]string{fmt.Sprintf("SELECT citus_set_coordinator_host('%s', %s)", u.Hostname(), port)}, adding...) {
		admin(t, own, statement)
	}
	s, err := store.Open(ctx, store.Options{URL: own})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	statements, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "citus.sql"))
	require.NoError(t, err)
	admin(t, own, string(statements))
	return store.Options{URL: own}
}

// onServer returns the URL with another host and port.
func onServer(t testing.TB, address, host string, port int) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.Host = net.JoinHostPort(host, strconv.Itoa(port))
	return u.String()
}
