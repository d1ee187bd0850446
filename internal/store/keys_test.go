package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// minted returns a new key of a workspace that is not stored.
func minted(ws chat.WorkspaceID, workspace, name string, scopes ...auth.Scope) auth.Key {
	token, prefix := auth.MintToken()
	return auth.Key{
		ID: chat.NewID(), Workspace: ws, WorkspaceName: workspace, Name: name, Prefix: prefix,
		Hash: auth.HashToken(token), Scopes: scopes, CreatedAt: start,
	}
}

func createKey(t testing.TB, s *store.Store, k auth.Key) auth.Key {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) error { return tx.CreateKey(k) })
	return k
}

func keyByPrefix(t testing.TB, s *store.Store, prefix string) auth.Key {
	t.Helper()
	k, err := s.View(ctx).KeyByPrefix(prefix)
	require.NoError(t, err)
	return k
}

func TestWorkspacesAreMadeOnce(t *testing.T) {
	const programs, rounds = 2, 6
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		stores := []*store.Store{db.Open(t), db.Open(t)}
		known := map[chat.WorkspaceID]string{}
		for _, name := range []string{"w", "W", "Wörk 空間", " w", "'; --"} {
			ids := make([]chat.WorkspaceID, rounds)
			var making errgroup.Group
			for i := range ids {
				making.Go(func() error {
					return stores[i%programs].InTx(ctx, func(tx *store.Tx) (err error) {
						ids[i], err = tx.EnsureWorkspace(name)
						return err
					})
				})
			}
			require.NoError(t, making.Wait())
			for _, id := range ids {
				require.Equal(t, ids[0], id, name)
			}
			require.Empty(t, known[ids[0]], "%q is another one", name)
			known[ids[0]] = name
			found, err := stores[0].View(ctx).Workspace(name)
			require.NoError(t, err)
			require.Equal(t, ids[0], found)
		}
	})
}

func TestKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		some, err := s.View(ctx).AnyKey()
		require.NoError(t, err)
		require.False(t, some)

		ws, other := workspace(t, s, "w"), workspace(t, s, "wörk")
		one := createKey(t, s, minted(ws, "w", "laptop", auth.Read, auth.Write))
		later := minted(ws, "w", "Téléphone 📱", auth.Read)
		later.CreatedAt = start.Add(time.Microsecond)
		two := createKey(t, s, later)
		foreign := createKey(t, s, minted(other, "wörk", "laptop", auth.Write))
		for _, want := range []auth.Key{one, two, foreign} {
			require.Equal(t, want, keyByPrefix(t, s, want.Prefix))
		}
		some, err = s.View(ctx).AnyKey()
		require.NoError(t, err)
		require.True(t, some)

		keys := func(ws chat.WorkspaceID) []auth.Key {
			found, err := s.View(ctx).Keys(ws)
			require.NoError(t, err)
			return found
		}
		require.Equal(t, []auth.Key{one, two}, keys(ws), "oldest first")
		require.Equal(t, []auth.Key{foreign}, keys(other))
		require.ElementsMatch(t, []auth.Key{one, two, foreign}, keys(0), "of all workspaces")
		require.Empty(t, keys(other+1))

		same := minted(other, "wörk", "x", auth.Read)
		same.Prefix = one.Prefix
		err = s.InTx(ctx, func(tx *store.Tx) error { return tx.CreateKey(same) })
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)

		revoke := func(idOrPrefix string) (k auth.Key) {
			inTx(t, s, func(tx *store.Tx) (err error) {
				k, err = tx.RevokeKey(idOrPrefix)
				return err
			})
			require.Equal(t, k, keyByPrefix(t, s, k.Prefix))
			return k
		}
		one.RevokedAt = &start
		require.Equal(t, one, revoke(strings.ToUpper(one.ID)))
		now.Advance(time.Hour)
		require.Equal(t, one, revoke(one.Prefix), "the first revocation counts")
		hour := start.Add(time.Hour)
		two.RevokedAt = &hour
		require.Equal(t, two, revoke(two.Prefix))
		require.Nil(t, keyByPrefix(t, s, foreign.Prefix).RevokedAt)
		err = s.InTx(ctx, func(tx *store.Tx) error { _, err := tx.RevokeKey("lethe_nothing"); return err })
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		require.Contains(t, fault.Message(err), "lethe_nothing")
	})
}

func TestOnlyLaterUsesCount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		stores := []*store.Store{db.Open(t), db.Open(t)}
		s := stores[0]
		ws := workspace(t, s, "w")
		var keys []auth.Key
		used := func(at time.Time) map[auth.KeyRef]time.Time {
			all := map[auth.KeyRef]time.Time{{Workspace: ws, ID: chat.NewID()}: at, {Workspace: ws + 1, ID: keys[0].ID}: at}
			for _, k := range keys {
				all[auth.KeyRef{Workspace: ws, ID: k.ID}] = at
			}
			return all
		}
		for i := range 8 {
			keys = append(keys, createKey(t, s, minted(ws, "w", fmt.Sprint(i), auth.Read)))
		}
		for _, step := range []struct{ at, want time.Duration }{{time.Minute, time.Minute}, {0, time.Minute}, {time.Hour, time.Hour}} {
			inTx(t, s, func(tx *store.Tx) error { return tx.TouchKeys(used(start.Add(step.at))) })
			for _, k := range keys {
				require.Equal(t, start.Add(step.want), *keyByPrefix(t, s, k.Prefix).LastUsedAt)
			}
		}
		var flushing errgroup.Group // two programs store the use of the same keys
		for i := range 6 {
			flushing.Go(func() error {
				return stores[i%2].InTx(ctx, func(tx *store.Tx) error { return tx.TouchKeys(used(start.Add(time.Duration(i) * 24 * time.Hour))) })
			})
		}
		require.NoError(t, flushing.Wait())
		for _, k := range keys {
			require.Equal(t, start.Add(5*24*time.Hour), *keyByPrefix(t, s, k.Prefix).LastUsedAt)
		}
	})
}
