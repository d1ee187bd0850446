package store_test

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/postgres"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// likeCitus runs a test on PostgreSQL with the statements for distributed tables.
func likeCitus(t *testing.T, test func(t *testing.T, db storetest.Database)) {
	t.Parallel()
	storetest.OnPostgres(t, func(t *testing.T) { test(t, storetest.NewFlat(t).LikeCitus(t)) })
}

func TestDistributedClaimsAreExclusive(t *testing.T) {
	likeCitus(t, func(t *testing.T, db storetest.Database) {
		stores := []*store.Store{db.Open(t), db.Open(t)}
		require.True(t, stores[0].Spread())
		const workspaces, each = 3, 8
		for w := range workspaces {
			ws := workspace(t, stores[0], fmt.Sprint(w))
			for i := range each {
				added(t, stores[0], ws, fmt.Sprint(i), "text")
			}
		}
		waiting, err := stores[0].ClaimableIn(ctx, true, store.Recipe{})
		require.NoError(t, err)
		require.Len(t, waiting, workspaces, "each workspace once")
		var mu sync.Mutex
		times := map[chat.ConversationID]int{}
		take := func(s *store.Store, n int) (claimed int, err error) {
			for _, ws := range waiting {
				var claims []store.Claim
				err := s.InTx(ctx, func(tx *store.Tx) (err error) {
					claims, err = tx.ClaimIn(ws, time.Hour, n, true)
					return err
				})
				if err != nil {
					return claimed, err
				}
				mu.Lock()
				for _, c := range claims {
					require.Equal(t, ws, c.Workspace)
					times[c.Conversation]++
				}
				mu.Unlock()
				claimed += len(claims)
			}
			return claimed, nil
		}
		var working errgroup.Group
		for i := range 4 {
			working.Go(func() error {
				for {
					if n, err := take(stores[i%2], 1+i%2); err != nil || n == 0 {
						return err
					}
				}
			})
		}
		require.NoError(t, working.Wait())
		_, err = take(stores[0], workspaces*each) // what others skipped
		require.NoError(t, err)
		require.Len(t, times, workspaces*each)
		for id, n := range times {
			require.Equal(t, 1, n, id)
		}
	})
}

// A server that is down holds up only its own workspaces: the others are named by their shards.
func TestAServerThatIsDownHoldsUpOnlyItsWorkspaces(t *testing.T) {
	likeCitus(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		added(t, s, workspace(t, s, "w"), "x", "text")
		for _, statement := range []string{
			`CREATE FUNCTION no_answer() RETURNS boolean LANGUAGE plpgsql AS
				$$ BEGIN RAISE EXCEPTION 'connection to the remote node failed' USING ERRCODE = '08006'; END $$`,
			"ALTER TABLE conversations RENAME TO conversations_of_servers",
			"CREATE VIEW conversations AS SELECT * FROM conversations_of_servers WHERE no_answer()",
		} {
			_, err := db.Postgres(t).Exec(ctx, statement)
			require.NoError(t, err)
		}
		db.ServerAnswers(t, "%string_agg%", "7 9 7")
		found, err := s.ClaimableIn(ctx, true, store.Recipe{})
		require.NoError(t, err)
		require.Equal(t, []chat.WorkspaceID{7, 9}, found)
		_, err = db.Postgres(t).Exec(ctx, "UPDATE citus_answers SET result = NULL")
		require.NoError(t, err)
		found, err = s.ClaimableIn(ctx, true, store.Recipe{})
		require.NoError(t, err, "nobody answers, which is no error: the next look may find them")
		require.Empty(t, found)
	})
}

// Each server counts its transactions on its own, so each is asked who still reads what
// was deleted. A server that does not answer may have such a reader.
func TestEveryServerIsAskedForReaders(t *testing.T) {
	for name, answer := range map[string]struct{ pattern, result string }{
		"a reader": {"%backend_xmin%", "t"},
		"down":     {"%pg_snapshot_xmax%", ""},
	} {
		t.Run(name, func(t *testing.T) {
			likeCitus(t, func(t *testing.T, db storetest.Database) {
				s := db.Open(t)
				ws := workspace(t, s, "w")
				require.Len(t, remove(t, s, ws, added(t, s, ws, "x", "one").ID), 1)
				db.ServerAnswers(t, answer.pattern, answer.result)
				impatient, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				_, err := s.Reclaim(impatient, store.Reclaiming{})
				require.Error(t, err)
				left, err := s.Unreclaimed(ctx)
				require.NoError(t, err)
				require.Equal(t, 1, left.Deletes, "no receipt is early")
			})
		})
	}
}

// A full reclaim rewrites the samples of the planner on every server.
func TestAFullReclaimRewritesTheStatisticsOfEveryServer(t *testing.T) {
	likeCitus(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		require.Len(t, remove(t, s, ws, added(t, s, ws, "x", "one").ID), 1)
		settled, err := s.Reclaim(ctx, store.Reclaiming{Full: true})
		require.NoError(t, err)
		require.Equal(t, 1, settled)
		require.Contains(t, db.AskedOfServers(t), "VACUUM (FULL) pg_statistic")
		db.ServerAnswers(t, "%pg_relation_filenode%", "1") // its user may not: the file stays
		_, err = s.Reclaim(ctx, store.Reclaiming{Full: true})
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	})
}

// Settings of an approximate search must reach the server of the workspace, and its index
// is on the table, not on a shard that the coordinator does not have.
func TestADistributedVectorIndexIsUsed(t *testing.T) {
	likeCitus(t, func(t *testing.T, db storetest.Database) {
		var mu sync.Mutex
		var sent []string
		o := db.Options()
		guard := o.Trace
		o.ExactLimit = 5
		o.Trace = func(statement string) {
			guard(statement)
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, statement)
		}
		s, err := store.Open(ctx, o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		ws := workspace(t, s, "w")
		x := indexed()
		create(t, s, ws, upload("x", "text"))
		for p := range 120 {
			x.Chunks = append(x.Chunks, passage(p, []float32{1, float32(p), 0}, "text"))
		}
		var claims []store.Claim
		inTx(t, s, func(tx *store.Tx) (err error) { claims, err = tx.ClaimIn(ws, time.Hour, 1, true); return err })
		require.NoError(t, finishAs(s, claims[0], x))
		require.NoError(t, s.BuildVectorIndex(ctx, store.VectorSpace{Workspace: ws, Model: testModel.ID, Dimensions: testModel.Dimensions}))
		indexes, err := s.VectorIndexes(ctx)
		require.NoError(t, err)
		require.Len(t, indexes, 1)
		require.Equal(t, "embeddings", indexes[0].Table)
		found, err := s.View(ctx).SearchSemantic(ws, testModel, []float32{1, 0, 0}, chat.Filter{})
		require.NoError(t, err)
		require.Len(t, found, 100)
		mu.Lock()
		defer mu.Unlock()
		first := slices.IndexFunc(sent, func(statement string) bool { return strings.HasPrefix(statement, "SET LOCAL") })
		require.GreaterOrEqual(t, first, 0)
		require.Equal(t, "SET LOCAL citus.propagate_set_commands = 'local'", sent[first])
	})
}

// Nothing can be added to a workspace that is being deleted, so the receipt counts all of
// it.
func TestALockedWorkspaceTakesNoConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, elsewhere := db.Open(t), db.Open(t)
		ws := workspace(t, s, "w")
		inTx(t, s, func(tx *store.Tx) error {
			_, err := tx.LockWorkspace(ws)
			require.NoError(t, err)
			short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
			err = elsewhere.InTx(short, func(tx *store.Tx) error {
				_, err := tx.CreateConversation(ws, transcript(t, "x", "text"))
				return err
			})
			require.Contains(t, []fault.Kind{fault.Canceled, fault.Unavailable}, fault.KindOf(err), "%v", err)
			require.Error(t, err)
			return nil
		})
		name, err := s.View(ctx).WorkspaceName(ws)
		require.NoError(t, err)
		require.Equal(t, "w", name)
	})
}

// A key is created while a server is down: the workspace exists, so no server is told.
func TestAWorkspaceThatExistsIsNotInserted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		inserts := make(chan string, 100)
		workspace(t, db.Open(t), "w")
		o := db.Options()
		o.Trace = func(statement string) {
			if strings.Contains(statement, "INSERT INTO") {
				inserts <- statement
			}
		}
		s, err := store.Open(ctx, o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		workspace(t, s, "w")
		require.Empty(t, inserts)
		workspace(t, s, "another")
		require.NotEmpty(t, inserts, "the test sees inserts")
	})
}

// lastFreeMigration is the last migration from before tables could be distributed: docs/citus.sql
// came with it.
const lastFreeMigration = "0020"

// Citus refuses ALTER TABLE ... SET STATISTICS on a distributed table. A migration may
// switch samples off only for a table that it creates, which no Citus has distributed yet.
// For a new column of an older table, run_command_on_shards sends it to each shard, in a
// migration of its own without a transaction.
func TestMigrationsRunOnDistributedTables(t *testing.T) {
	files, err := fs.Glob(postgres.Schema(), "*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		if name[:4] <= lastFreeMigration {
			continue
		}
		content, err := fs.ReadFile(postgres.Schema(), name)
		require.NoError(t, err)
		require.Empty(t, undistributable(string(content)), name)
	}
	require.Equal(t, []string{"messages"}, undistributable("ALTER TABLE messages ADD COLUMN x text;\nALTER TABLE messages\n ALTER COLUMN x SET STATISTICS 0;"))
	require.Empty(t, undistributable("CREATE TABLE fresh (x text);\nALTER TABLE fresh ALTER COLUMN x SET STATISTICS 0;"))
}

var (
	createdTable = regexp.MustCompile(`(?i)CREATE TABLE (\w+)`)
	unsampled    = regexp.MustCompile(`(?is)ALTER TABLE (\w+)[^;]*SET STATISTICS`)
)

// undistributable returns the older tables whose samples a migration changes.
func undistributable(migration string) (tables []string) {
	var created []string
	for _, m := range createdTable.FindAllStringSubmatch(migration, -1) {
		created = append(created, m[1])
	}
	for _, m := range unsampled.FindAllStringSubmatch(migration, -1) {
		if !slices.Contains(created, m[1]) {
			tables = append(tables, m[1])
		}
	}
	return tables
}
