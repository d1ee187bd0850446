package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func takenBack(t *testing.T, s *store.Store, holders ...int64) (n int) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		n, err = tx.TakeClaimsBack(holders)
		return err
	})
	return n
}

func ended(t *testing.T, s *store.Store) []int64 {
	t.Helper()
	holders, err := s.EndedHolders(ctx)
	require.NoError(t, err)
	return holders
}

// awaitEnded waits until the server has closed the connections of a program that has
// ended.
func awaitEnded(t *testing.T, s *store.Store) (holders []int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		holders = ended(t, s)
		return len(holders) > 0
	}, 30*time.Second, 10*time.Millisecond)
	return holders
}

// Nobody else takes the claims of a running program. Those of an ended program are due
// before their lease ends, and their attempts count.
func TestClaimsOfAProgramThatHasEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, err := store.Open(ctx, db.Options())
		require.NoError(t, err)
		other := db.Open(t)
		ws := workspace(t, s, "w")
		waiting, behind := added(t, s, ws, "waiting", "text").ID, added(t, s, ws, "behind", "text").ID
		require.NoError(t, s.ShowAlive(ctx))
		for range 2 {
			require.NoError(t, finish(s, claimOne(t, s), "common"))
		}
		c := added(t, s, ws, "held", "text")
		held := claimOne(t, s)
		require.Equal(t, c.ID, held.Conversation)
		require.Empty(t, ended(t, other), "it lives")
		require.Empty(t, claim(t, other, 5))

		require.NoError(t, s.Close())
		gone := awaitEnded(t, other)
		require.Len(t, gone, 1)
		require.Zero(t, takenBack(t, other))
		require.Zero(t, takenBack(t, other, gone[0]+1), "of another")
		require.Equal(t, 1, takenBack(t, other, gone...))
		require.Empty(t, ended(t, other), "nothing is left of it")
		require.ErrorIs(t, finish(other, held, "late"), store.ErrClaimLost)
		again := claimOne(t, other)
		require.Equal(t, held.Conversation, again.Conversation)
		require.Equal(t, held.Attempt+1, again.Attempt)
		require.NotContains(t, []chat.ConversationID{waiting, behind}, again.Conversation)
	})
}

// A ready conversation that was being re-indexed stays ready.
func TestAReadyConversationOfAProgramThatHasEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, err := store.Open(ctx, db.Options())
		require.NoError(t, err)
		other := db.Open(t)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "text").ID
		adopt(t, s, "one")
		require.NoError(t, s.ShowAlive(ctx))
		require.NoError(t, finish(s, claimOne(t, s), "common"))
		adopt(t, s, "two")
		claimOneBehind(t, s, "two")
		require.Empty(t, claimBehind(t, other, "two"))
		require.NoError(t, s.Close())
		require.Equal(t, 1, takenBack(t, other, awaitEnded(t, other)...))
		require.Equal(t, id, claimOneBehind(t, other, "two").Conversation)
	})
}

// A program without a lock claims without a holder: only the lease ends such a claim.
func TestAClaimWithoutASign(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, other := db.Open(t), db.Open(t)
		added(t, s, workspace(t, s, "w"), "x", "text")
		c := claimOne(t, s)
		require.Empty(t, ended(t, other))
		require.Zero(t, takenBack(t, other, 0))
		require.NoError(t, finish(s, c, "common"))
	})
}

// A lost lock is taken again, and nobody takes the claims meanwhile. On SQLite somebody
// deletes the file; on PostgreSQL the connection breaks.
func TestASignThatWasLost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, other := db.Open(t), db.Open(t)
		added(t, s, workspace(t, s, "w"), "x", "text")
		require.NoError(t, s.ShowAlive(ctx))
		c := claimOne(t, s)
		if db.Kind == storetest.Postgres {
			require.Equal(t, 1, db.Count(t, `SELECT count(pg_terminate_backend(pid)) FROM pg_locks
				WHERE locktype = 'advisory' AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`))
		} else {
			require.NoError(t, os.Remove(signs(t, db)[0]))
		}
		require.Eventually(t, func() bool { return s.ShowAlive(ctx) == nil }, 10*time.Second, 10*time.Millisecond)
		require.Empty(t, ended(t, other))
		require.NoError(t, finish(s, c, "common"))
	})
}

// signs returns the lock files of the programs on an SQLite database.
func signs(t *testing.T, db storetest.Database) (paths []string) {
	t.Helper()
	folder := filepath.Dir(db.Options().Path)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, file := range files {
		if strings.Contains(file.Name(), "-alive-") {
			paths = append(paths, filepath.Join(folder, file.Name()))
		}
	}
	return paths
}

// No lock file remains of a stopped program, nor of a killed one after another has
// started.
func TestFilesOfProgramsThatHaveEndedAreRemoved(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.SQLite)
	s, err := store.Open(ctx, db.Options())
	require.NoError(t, err)
	require.NoError(t, s.ShowAlive(ctx))
	require.Len(t, signs(t, db), 1)
	require.NoError(t, s.Close())
	require.Empty(t, signs(t, db))

	left := db.Options().Path + "-alive-7"
	require.NoError(t, os.WriteFile(left, nil, 0o600))
	require.NoError(t, db.Open(t).ShowAlive(ctx))
	require.NotContains(t, signs(t, db), left)
	require.Len(t, signs(t, db), 1)
}
