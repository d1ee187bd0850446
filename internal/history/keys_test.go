package history_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestAuthenticate(t *testing.T) {
	const static = "a-token-of-the-configuration"
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		d := newDesk(t, db, static)
		ctx := t.Context()
		has, err := d.History.HasKeys(ctx)
		require.NoError(t, err)
		require.False(t, has)

		key, token, err := d.operator().CreateKey(ctx, " team ", " laptop ", []auth.Scope{auth.Read})
		require.NoError(t, err)
		require.Equal(t, []string{"team", "laptop"}, []string{key.WorkspaceName, key.Name})
		require.Equal(t, d.AddWorkspace("team"), key.Workspace, "it was made")
		_, other, err := d.operator().CreateKey(ctx, "team", "phone", []auth.Scope{auth.Read, auth.Write})
		require.NoError(t, err)
		has, err = d.History.HasKeys(ctx)
		require.NoError(t, err)
		require.True(t, has)

		who, err := d.History.Authenticate(ctx, token)
		require.NoError(t, err)
		require.Equal(t, auth.NewPrincipal(key.ID, key.Workspace, auth.Read), who)
		who, err = d.History.Authenticate(ctx, static)
		require.NoError(t, err)
		require.Equal(t, auth.NewPrincipal(history.EnvironmentKeyID, d.AddWorkspace("default"), auth.Read, auth.Write), who)

		bad := func(token string) {
			t.Helper()
			who, err := d.History.Authenticate(ctx, token)
			require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
			require.Equal(t, "the API key is unknown or was revoked", fault.Message(err))
			require.Equal(t, auth.Principal{}, who)
		}
		prefix, secret := token[:strings.LastIndex(token, "_")+1], token[strings.LastIndex(token, "_")+1:]
		bad(prefix + other[strings.LastIndex(other, "_")+1:]) // a good prefix with another key's secret
		bad(prefix + strings.Repeat("a", len(secret)))
		bad(prefix)
		bad(secret)
		for _, garbage := range []string{"", " ", static + " ", static[1:], strings.ToUpper(token), token + "a", token[:len(token)-1], "lethe_", "lethe__", "\x00", "\xff", "' OR 1=1 --", strings.Repeat("x", 100_000)} {
			bad(garbage)
		}
		minted, _ := auth.MintToken() // of the right form, but never created
		bad(minted)

		_, err = d.operator().RevokeKey(ctx, key.Prefix)
		require.NoError(t, err)
		bad(token)
		_, err = d.History.Authenticate(ctx, other)
		require.NoError(t, err, "the other one still works")

		without := history.New(history.Options{Store: d.Store, Embedder: d.Embedder})
		_, err = without.Authenticate(ctx, static)
		require.True(t, fault.Is(err, fault.Unauthenticated))
		_, err = without.Authenticate(ctx, "")
		require.True(t, fault.Is(err, fault.Unauthenticated), "no configured token is not the empty one")
	})
}

func TestListingAndRevokingKeys(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		var made []string
		for _, workspace := range []string{"a", "b", "a"} {
			key, _, err := d.operator().CreateKey(ctx, workspace, "name", []auth.Scope{auth.Read})
			require.NoError(t, err)
			made = append(made, key.ID)
			d.Passed += time.Second
		}
		list := func(workspace string) (ids []string) {
			keys, err := d.operator().Keys(ctx, workspace)
			require.NoError(t, err)
			for _, k := range keys {
				ids = append(ids, k.ID)
			}
			return ids
		}
		require.Equal(t, []string{made[0], made[2]}, list("a"))
		require.Equal(t, made, list(""))
		_, err := d.operator().Keys(ctx, "nowhere")
		require.True(t, fault.Is(err, fault.NotFound))

		key, err := d.operator().RevokeKey(ctx, made[1])
		require.NoError(t, err)
		require.Equal(t, now.Add(d.Passed), *key.RevokedAt)
		require.Len(t, list("b"), 1, "a revoked key stays in the list")
		for _, unknown := range []string{"", "nothing", chat.NewID()} {
			_, err = d.operator().RevokeKey(ctx, unknown)
			require.True(t, fault.Is(err, fault.NotFound), "%q: %v", unknown, err)
		}
	})
}

func TestKeysNeedNamesAndScopes(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		read := []auth.Scope{auth.Read}
		for _, c := range []struct {
			workspace, name string
			scopes          []auth.Scope
		}{
			{"", "n", read}, {" ", "n", read}, {"w", "", read}, {"w", "\t", read}, {"w", "a\nb", read}, {"w\x00", "n", read}, {"w", "\xff", read},
			{strings.Repeat("é", 101), "n", read}, {"w", strings.Repeat("é", 101), read}, {"w", "n", nil},
		} {
			_, token, err := d.operator().CreateKey(t.Context(), c.workspace, c.name, c.scopes)
			require.True(t, fault.Is(err, fault.Invalid), "%+v: %v", c, err)
			require.Empty(t, token)
		}
		_, _, err := d.operator().CreateKey(t.Context(), strings.Repeat("é", 100), "ключ 🔑", read)
		require.NoError(t, err)
	})
}

// Using a key writes nothing at once: the minute is kept in memory and written later.
func TestKeyUsageIsFlushed(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		_, token, err := d.operator().CreateKey(ctx, "w", "n", []auth.Scope{auth.Read})
		require.NoError(t, err)
		use := func() {
			_, err := d.History.Authenticate(ctx, token)
			require.NoError(t, err)
		}
		last := func() *time.Time {
			keys, err := d.operator().Keys(ctx, "w")
			require.NoError(t, err)
			return keys[0].LastUsedAt
		}
		flush := func() { require.NoError(t, d.History.FlushKeyUsage(ctx)) }
		flush()
		require.Nil(t, last())
		use()
		require.Nil(t, last(), "not yet")
		flush()
		minute := now.Truncate(time.Minute)
		require.Equal(t, minute, *last())

		d.Passed = 5 * time.Minute
		use()
		d.Passed = 3 * time.Minute // clocks may be set back
		use()
		flush()
		require.Equal(t, minute.Add(5*time.Minute), *last())

		d.Passed = 9 * time.Minute
		use()
		ended, end := context.WithCancel(t.Context())
		end()
		require.Error(t, d.History.FlushKeyUsage(ended))
		flush()
		require.Equal(t, minute.Add(9*time.Minute), *last(), "what could not be written is not forgotten")
	})
}
