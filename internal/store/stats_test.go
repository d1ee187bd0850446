package store_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func stats(t testing.TB, s *store.Store, ws chat.WorkspaceID) (sum chat.Stats) {
	t.Helper()
	require.NoError(t, s.Snapshot(ctx, func(v *store.View) (err error) {
		sum, err = v.Stats(ws)
		return err
	}))
	return sum
}

func TestStats(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		require.Equal(t, chat.Stats{Platforms: []chat.PlatformStats{}, Months: []chat.MonthStats{}}, stats(t, s, ws), "of nothing, zeros and empty lists")

		created := []time.Time{
			time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(2024, 1, 31, 23, 59, 59, 999_999_000, time.UTC),
			time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC),
			time.Date(2024, 2, 29, 12, 0, 0, 0, time.FixedZone("west", -10*3600)),
			time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		}
		for i, at := range created {
			c := transcript(t, fmt.Sprint(i), "one", "two")
			c.CreatedAt, c.Pinned, c.Platform = at.UTC(), i == 1, []string{"b", "a"}[i%2]
			createAll(t, s, ws, c)
		}
		added(t, s, other, "x", "text")
		claims := claim(t, s, 4)
		require.NoError(t, finishAs(s, claims[0], indexed(passage(0, []float32{1, 0, 0}, "x"), unreadable(1, "y"), unreadable(2, "z"))))
		inTx(t, s, func(tx *store.Tx) error { return tx.FailIndexing(claims[1], indexed(passage(0, nil, "z")), "why") })

		require.Equal(t, chat.Stats{
			Conversations: 5, Messages: 10, Tokens: 14, Chunks: 4, Embeddings: 1, Unreadable: 2, Pinned: 1,
			Platforms: []chat.PlatformStats{{Platform: "a", Conversations: 2, Messages: 4}, {Platform: "b", Conversations: 3, Messages: 6}},
			Months: []chat.MonthStats{
				{Month: "1970-01", Conversations: 1}, {Month: "2024-01", Conversations: 1}, {Month: "2024-02", Conversations: 2}, {Month: "9999-12", Conversations: 1},
			},
			Backlog: chat.Backlog{Queued: 1, Indexing: 2, Failed: 1},
		}, stats(t, s, ws))
	})
}

// Texts are ordered by their bytes on both databases, whatever the locale of PostgreSQL.
func TestOrderDoesNotDependOnTheLocale(t *testing.T) {
	platforms := []string{"Zeta", "a-b", "a.b", "a_b", "ab", "alpha", "Beta", "-", "_", "9", "beta"}
	want := []string{"-", "9", "Beta", "Zeta", "_", "a-b", "a.b", "a_b", "ab", "alpha", "beta"}
	stores := map[string]*store.Store{}
	for _, kind := range storetest.Kinds(t) {
		stores[kind] = storetest.New(t, kind).Open(t)
		if kind == storetest.Postgres {
			stores["postgres with locale en_US"] = localized(t)
		}
	}
	for name, s := range stores {
		ws := workspace(t, s, "w")
		for _, platform := range platforms {
			c := transcript(t, "x", "text")
			c.Platform = platform
			createAll(t, s, ws, c)
		}
		var got []string
		for _, p := range stats(t, s, ws).Platforms {
			got = append(got, p.Platform)
		}
		require.Equal(t, want, got, name)
		require.Len(t, list(t, s, ws, chat.Filter{Platform: "Beta"}), 1, name)
		require.Len(t, list(t, s, ws, chat.Filter{Platform: "beta"}), 1, name)
	}
}

// localized is a PostgreSQL database with the order of English.
func localized(t *testing.T) *store.Store {
	t.Helper()
	server := storetest.New(t, storetest.Postgres)
	admin := server.Open(t)
	const name = "lethe_test_localized"
	database := name + "_" + fmt.Sprint(time.Now().UnixNano())
	require.NoError(t, store.DB(admin).Exec("CREATE DATABASE "+database+" TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'").Error)
	t.Cleanup(func() { require.NoError(t, store.DB(admin).Exec("DROP DATABASE "+database+" WITH (FORCE)").Error) })
	u, err := url.Parse(server.Options().URL)
	require.NoError(t, err)
	u.Path = "/" + database
	s, err := store.Open(ctx, store.Options{URL: u.String()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
