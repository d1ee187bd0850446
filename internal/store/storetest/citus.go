package storetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// citusStandIn is what the store uses of Citus: the catalogue, and functions that ask the
// servers which have the shards. There is one shard, the table itself, on one server, which
// answers every SELECT itself. The table citus_asked has what was asked, and citus_answers
// has answers that a test wants instead: a result, or null for a server that is down.
const citusStandIn = `
CREATE TABLE citus_asked (number bigint GENERATED ALWAYS AS IDENTITY, command text);
CREATE TABLE citus_answers (pattern text, result text);
CREATE TABLE pg_dist_partition (logicalrelid regclass);
INSERT INTO pg_dist_partition VALUES ('conversations');
CREATE SEQUENCE citus_files;
CREATE FUNCTION master_get_active_worker_nodes(OUT node_name text, OUT node_port bigint) RETURNS SETOF record
	LANGUAGE sql AS $$ VALUES ('worker', 5432::bigint) $$;
CREATE FUNCTION citus_answer(command text, OUT success bool, OUT result text) LANGUAGE plpgsql AS $$
DECLARE
	wanted record;
BEGIN
	INSERT INTO citus_asked (command) VALUES (citus_answer.command);
	SELECT * INTO wanted FROM citus_answers AS a WHERE citus_answer.command LIKE a.pattern LIMIT 1;
	IF FOUND THEN
		success := wanted.result IS NOT NULL;
		result := coalesce(wanted.result, 'failed to connect to worker:5432');
		RETURN;
	END IF;
	success := true;
	IF citus_answer.command LIKE '%pg_relation_filenode%' THEN
		result := nextval('citus_files');
	ELSIF citus_answer.command LIKE 'SELECT%' THEN
		EXECUTE citus_answer.command INTO result;
	ELSE
		result := split_part(citus_answer.command, ' ', 1);
	END IF;
END $$;
CREATE FUNCTION master_run_on_worker(names text[], ports int[], commands text[], parallel bool,
	OUT node_name text, OUT node_port int, OUT success bool, OUT result text) RETURNS SETOF record LANGUAGE sql AS $$
	SELECT n, p, a.success, a.result FROM unnest(names, ports, commands) AS asked (n, p, c), LATERAL citus_answer(c) AS a $$;
CREATE FUNCTION run_command_on_shards(tab regclass, command text, OUT shardid bigint, OUT success bool, OUT result text)
	RETURNS SETOF record LANGUAGE sql AS $$ SELECT 1::bigint, a.success, a.result FROM citus_answer(format(command, tab::text)) AS a $$;
`

// LikeCitus returns the database with a stand-in for Citus, so that the store uses what it
// uses on distributed tables. The tables are not distributed: what only Citus refuses is
// refused by its shape instead, in every statement that is sent.
func (d Database) LikeCitus(t testing.TB) Database {
	t.Helper()
	admin(t, d.opts.URL, citusStandIn)
	guard := keyed(t)
	d.opts.Trace = func(statement string) {
		guard(statement)
		if shape := refusedByCitus(statement); shape != "" {
			t.Errorf("%s:\n%s", shape, statement)
		}
	}
	return d
}

// AskedOfServers returns the commands that the store sent to the servers of LikeCitus.
func (d Database) AskedOfServers(t testing.TB) (commands []string) {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	for _, row := range r.rows("SELECT command FROM citus_asked ORDER BY number") {
		commands = append(commands, row[0])
	}
	return commands
}

// ServerAnswers makes the server of LikeCitus answer commands that are LIKE a pattern with a
// result. An empty result stands for a server that is down.
func (d Database) ServerAnswers(t testing.TB, pattern, result string) {
	t.Helper()
	_, err := d.Postgres(t).Exec(t.Context(), "INSERT INTO citus_answers VALUES ($1, nullif($2, ''))", pattern, result)
	require.NoError(t, err)
}

// onCitus fails a test that sends a statement which Citus refuses, or runs wrongly, on
// distributed tables. plainOnly lists what only plain PostgreSQL is sent.
func onCitus(t testing.TB) func(string) {
	return func(statement string) {
		shape := refusedByCitus(statement)
		if shape == "" {
			return
		}
		for _, known := range plainOnly {
			if strings.Contains(statement, known) {
				return
			}
		}
		t.Errorf("%s. Send another statement, or another one where the tables are distributed (postgres/citus.go), and add this one to plainOnly:\n%s", shape, statement)
	}
}

// plainOnly are parts of the statements that are sent only where the tables are not
// distributed. LikeCitus checks that.
var plainOnly = []string{
	"LIMIT $2 FOR UPDATE SKIP LOCKED", // claims from all workspaces at once, a fifth faster than in two steps
	"LIMIT 1 FOR UPDATE SKIP LOCKED",
	"CAST(CAST(tableoid AS regclass)", // the partition of a workspace
	"set_config('hnsw.ef_search'",     // five settings in one statement
}
