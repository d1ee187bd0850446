package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestAConversationComesBackAsItWas(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, s, "w")
		u := chat.Upload{
			Platform: "chat-GPT_4.1", ExternalID: "ext/é#1?", Title: `Grüße, 世界 🌍 '"\ %_`,
			CreatedAt: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), UpdatedAt: time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
			Messages: []chat.UploadMessage{
				{Role: "human", ExternalID: "m1", Text: "a\nb\t\"c\" ' -- ; DROP TABLE messages; $1 ? \\ \u2028 \U0010FFFF"},
				{Role: "assistant", Text: strings.Repeat("long ", 50_000), CreatedAt: time.Date(2024, 2, 29, 23, 59, 59, 999_999_000, time.UTC)},
				{Role: "system", Text: "", Hidden: true},
				{Role: "tool", Text: " blanks \u200b kept ", Branch: "b/2"},
			},
		}
		want := chat.NewTranscript(valid(t, u))
		want.ImportID, want.Pinned = chat.NewID(), true
		want.LastImportID = want.ImportID
		createAll(t, s, ws, want)
		got, err := s.View(ctx).Transcript(ws, want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		alone, err := s.View(ctx).Conversation(ws, want.ID)
		require.NoError(t, err)
		require.Equal(t, want.Conversation, alone)
		var locked chat.Transcript
		inTx(t, s, func(tx *store.Tx) error {
			locked, _, err = tx.LockByExternalID(ws, want.Platform, want.ExternalID)
			return err
		})
		require.Equal(t, want, locked)
		requireSound(t, db)
	})
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		pinned := true
		v := s.View(ctx)
		_, conversation := v.Conversation(ws, chat.ConversationID(chat.NewID()))
		_, transcript := v.Transcript(ws, chat.ConversationID(chat.NewID()))
		_, imported := v.Import(ws, chat.NewID())
		_, workspace := v.Workspace("nowhere")
		_, key := v.KeyByPrefix("nothing")
		for name, err := range map[string]error{
			"Conversation": conversation, "Transcript": transcript, "Import": imported, "Workspace": workspace, "KeyByPrefix": key,
			"LockByExternalID": s.InTx(ctx, func(tx *store.Tx) error { _, _, err := tx.LockByExternalID(ws, "custom", "x"); return err }),
			"EditConversation": s.InTx(ctx, func(tx *store.Tx) error {
				_, err := tx.EditConversation(ws, chat.ConversationID(chat.NewID()), chat.Edit{Pinned: &pinned})
				return err
			}),
			"RevokeKey": s.InTx(ctx, func(tx *store.Tx) error { _, err := tx.RevokeKey("nothing"); return err }),
		} {
			require.True(t, fault.Is(err, fault.NotFound), "%s: %v", name, err)
		}
	})
}

func TestAnExternalIDIsUniqueWithItsPlatformAndWorkspace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		added(t, s, ws, "x", "first")
		before := dump(t, s, ws)
		inTx(t, s, func(tx *store.Tx) error {
			made, err := tx.CreateConversation(ws, transcript(t, "x", "second", "third"))
			require.NoError(t, err)
			require.False(t, made, "somebody was faster")
			stored, _, err := tx.LockByExternalID(ws, "custom", "x") // and this one continues with the stored one
			require.NoError(t, err)
			require.Equal(t, "first", stored.Turns[0].Text)
			return nil
		})
		require.Equal(t, before, dump(t, s, ws), "nothing of the second one was stored")

		elsewhere := transcript(t, "x", "text")
		elsewhere.Platform = "elsewhere"
		createAll(t, s, ws, elsewhere)
		added(t, s, other, "x", "text")
		added(t, s, ws, "X", "text") // ids are case-sensitive
		requireSound(t, db)
	})
}

func TestOfManyThatCreateTheSameOneDoes(t *testing.T) {
	const rounds, uploaders = 5, 6
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		stores := []*store.Store{db.Open(t), db.Open(t)}
		ws := workspace(t, stores[0], "w")
		for round := range rounds {
			id := fmt.Sprint("x", round)
			var first, merged atomic.Int32
			var uploading errgroup.Group
			for i := range uploaders {
				uploading.Go(func() error {
					return stores[i%2].InTx(ctx, func(tx *store.Tx) error {
						made, err := tx.CreateConversation(ws, transcript(t, id, "text"))
						switch {
						case err != nil:
							return err
						case made:
							first.Add(1)
							return nil
						}
						merged.Add(1)
						_, _, err = tx.LockByExternalID(ws, "custom", id) // the conversation of the winner can be merged with
						return err
					})
				})
			}
			require.NoError(t, uploading.Wait())
			require.EqualValues(t, 1, first.Load())
			require.EqualValues(t, uploaders-1, merged.Load())
		}
		n, err := stores[0].View(ctx).Count(ws)
		require.NoError(t, err)
		require.Equal(t, rounds, n)
		requireSound(t, db)
	})
}

func TestEditing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws := workspace(t, s, "w")
		c := added(t, s, ws, "x", "text")
		indexAll(t, s, []string{"text"})
		edit := func(e chat.Edit) (after chat.Conversation) {
			inTx(t, s, func(tx *store.Tx) (err error) {
				after, err = tx.EditConversation(ws, c.ID, e)
				return err
			})
			stored, err := s.View(ctx).Conversation(ws, c.ID)
			require.NoError(t, err)
			require.Equal(t, stored, after)
			return after
		}
		yes, no, title, same := true, false, "Ein ÄNDERN", "Ein ÄNDERN"
		before := edit(chat.Edit{})
		require.Equal(t, chat.Ready, before.IndexState)

		want := before
		want.Pinned = true
		require.Equal(t, want, edit(chat.Edit{Pinned: &yes}), "a pin is not indexed")
		want.Pinned = false
		require.Equal(t, want, edit(chat.Edit{Pinned: &no}))

		want.Title, want.Revision, want.IndexState, want.Chunks = title, before.Revision+1, chat.Queued, 0 // the passage with the old title was deleted
		require.Equal(t, want, edit(chat.Edit{Title: &title}), "a title is")
		require.Equal(t, want, edit(chat.Edit{Title: &same}), "the same title again changes nothing")
		require.Equal(t, []chat.ConversationID{c.ID}, list(t, s, ws, chat.Filter{Title: "ändern"}), "the new title is found")
		require.Empty(t, list(t, s, ws, chat.Filter{Title: "about"}), "the old one is not")
	})
}

func ids(items []chat.Conversation) []chat.ConversationID {
	found := make([]chat.ConversationID, len(items))
	for i, c := range items {
		found[i] = c.ID
	}
	return found
}

// list returns the ids of every conversation that matches a filter, in the order of the
// list, read in small pages.
func list(t testing.TB, s *store.Store, ws chat.WorkspaceID, f chat.Filter) (found []chat.ConversationID) {
	t.Helper()
	const size = 3
	for page := 1; ; page++ {
		items, total, err := s.View(ctx).Conversations(ws, chat.ListQuery{Filter: f, Page: page, PageSize: size})
		require.NoError(t, err)
		found = append(found, ids(items)...)
		if len(items) < size {
			require.Len(t, found, total)
			beyond, total, err := s.View(ctx).Conversations(ws, chat.ListQuery{Filter: f, Page: page + 7, PageSize: size})
			require.NoError(t, err)
			require.Empty(t, beyond)
			require.NotNil(t, beyond)
			require.Len(t, found, total, "a page past the end still tells the total")
			return found
		}
	}
}

// Every filter alone and in every combination, compared with a list computed in Go.
func TestFilters(t *testing.T) {
	day := func(d int) time.Time { return start.AddDate(0, 0, d) }
	imports := []string{chat.NewID(), chat.NewID()}
	titles := []string{"Garden plans", "garden PLANS again", "Tax return", "Plans for tax"}
	platforms := []string{"chatgpt", "claude", "ChatGPT"}
	var all []chat.Transcript
	for i := range 24 {
		c := transcript(t, fmt.Sprint(i), "text")
		c.Title, c.Platform, c.ImportID, c.Pinned = titles[i%4], platforms[i%3], imports[i%2], i%5 < 2
		c.LastImportID = c.ImportID
		c.Source = chat.Source{Archived: []*bool{nil, new(true), new(false)}[i%3], Starred: []*bool{new(false), nil, nil, new(true)}[i%4], Project: []string{"", "Trips"}[i%2]}
		c.CreatedAt = day(i % 7)
		c.UpdatedAt = day(10 - i%6) // many have the same time: then the ids decide
		all = append(all, c)
	}
	filters := []chat.Filter{{}}
	combine := func(changes ...func(*chat.Filter)) {
		for _, f := range slices.Clone(filters) {
			for _, change := range changes {
				more := f
				change(&more)
				filters = append(filters, more)
			}
		}
	}
	combine(func(f *chat.Filter) { f.Platform = "chatgpt" }, func(f *chat.Filter) { f.Platform = "nowhere" })
	combine(func(f *chat.Filter) { f.Title = "PLANS" }, func(f *chat.Filter) { f.Title = "x" })
	combine(func(f *chat.Filter) { f.From = day(3) })
	combine(func(f *chat.Filter) { f.Before = day(5) }, func(f *chat.Filter) { f.Before = day(3).Add(time.Microsecond) })
	combine(func(f *chat.Filter) { f.PinnedOnly = true })
	combine(func(f *chat.Filter) { f.ImportID = imports[1] }, func(f *chat.Filter) { f.ImportID = chat.NewID() })
	filters = slices.Concat(filters, []chat.Filter{
		{Starred: new(true)}, {Starred: new(false)}, {Archived: new(false), Starred: new(false), Project: "Trips"}, {Archived: new(true), Starred: new(true), Title: "plans"},
	})
	filters = append(filters, chat.Filter{Archived: new(true)}, chat.Filter{Archived: new(false)}, chat.Filter{Archived: new(false), PinnedOnly: true},
		chat.Filter{Project: "Trips"}, chat.Filter{Project: " Trips"}, chat.Filter{Project: "trips"}, chat.Filter{Project: "Trips", Platform: "chatgpt"})

	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		createAll(t, s, ws, all...)
		createAll(t, s, other, all...) // the same ids in another workspace
		for _, f := range filters {
			require.Equal(t, listed(all, f), list(t, s, ws, f), "%+v", f)
		}
	})
}

// listed returns the expected list for a filter.
func listed(all []chat.Transcript, f chat.Filter) (want []chat.ConversationID) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b chat.Transcript) int {
		return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(b.ID, a.ID))
	})
	for _, c := range all {
		if (f.Platform == "" || c.Platform == f.Platform) &&
			strings.Contains(strings.ToLower(c.Title), strings.ToLower(f.Title)) &&
			(f.From.IsZero() || !c.CreatedAt.Before(f.From)) &&
			(f.Before.IsZero() || c.CreatedAt.Before(f.Before)) &&
			(!f.PinnedOnly || c.Pinned) &&
			(f.ImportID == "" || c.ImportID == f.ImportID) &&
			(f.Archived == nil || *f.Archived == (c.Source.Archived != nil && *c.Source.Archived)) &&
			(f.Starred == nil || *f.Starred == (c.Source.Starred != nil && *c.Source.Starred)) &&
			(f.Project == "" || c.Source.Project == f.Project) {
			want = append(want, c.ID)
		}
	}
	return want
}

func TestTitlesAreFoundInAnyCaseAndLiterally(t *testing.T) {
	cases := []struct{ title, part, not string }{
		{"100% sure", "0% S", "0_ s"},
		{"snake_case_name", "E_c", "e%c"},
		{`C:\Users\me`, `c:\users`, `c:/users`},
		{`back\\slashes`, `\\`, `\\\`},
		{"[a-z]*?", "[A-Z]*?", "[a-z]*??"},
		{`it's "quoted"; --`, `'S "QUOTED`, `''`},
		{"Straße nach GRÜNAU", "STRASSE NACH grünau", "strase"},
		{"Große Maße", "GROSSE MASSE", "größe"},
		{"İSTANBUL gezisi", "istanbul", "ankara"},
		{"Iğdır notları", "IĞDIR NOTLARI", "iğdar"},
		{"ΟΔΟΣ και Σίσυφος", "οδος ΚΑΙ ΣΊΣΥΦΟΣ", "οδοί"},
		{"План на ВЫХОДНЫЕ", "пЛАН НА выходные", "планы"},
		{"Äpfel (decomposed: A\u0308pfel)", "decomposed: äPFEL", "apfel"},
		{"日本語のタイトル", "本語", "語本"},
		{"emoji 👩‍👩‍👧 title", "👩‍👩‍👧", "👩‍👦"},
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		for i, c := range cases {
			stored := transcript(t, fmt.Sprint(i), "text")
			stored.Title = c.title
			createAll(t, s, ws, stored)
			require.Equal(t, []chat.ConversationID{stored.ID}, list(t, s, ws, chat.Filter{Title: c.part}), "%q has %q", c.title, c.part)
			require.Equal(t, []chat.ConversationID{stored.ID}, list(t, s, ws, chat.Filter{Title: c.title}), c.title)
			require.Empty(t, list(t, s, ws, chat.Filter{Title: c.not}), "%q has no %q", c.title, c.not)
		}
		require.Empty(t, list(t, s, ws, chat.Filter{Title: "%%%"}))
		require.Empty(t, list(t, s, ws, chat.Filter{Title: "____"}))
	})
}

// Text that cannot be stored cannot be found either. It is not an error on either
// database.
func TestFiltersThatNothingCanPass(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		c := transcript(t, "x", "text")
		c.Title = strings.Repeat("x", chat.MaxTitleRunes)
		createAll(t, s, ws, c)
		indexAll(t, s, []string{"word"})
		require.Len(t, list(t, s, ws, chat.Filter{Title: c.Title}), 1)
		for name, f := range map[string]chat.Filter{
			"a long title":          {Title: c.Title + "x"},
			"a very long title":     {Title: strings.Repeat("x", 1_000_000)},
			"a title with NUL":      {Title: "x\x00"},
			"a broken title":        {Title: "x\xff"},
			"a platform with NUL":   {Platform: "custom\x00"},
			"a broken platform":     {Platform: "\xff"},
			"a platform of symbols": {Platform: "' OR 1=1 --"},
			"no import's id":        {ImportID: "not an id"},
			"an import with NUL":    {ImportID: "\x00"},
		} {
			require.Empty(t, list(t, s, ws, f), name)
			byWords, err := s.View(ctx).SearchKeyword(ws, store.Words{Terms: []string{"word"}}, f)
			require.NoError(t, err, name)
			require.Empty(t, byWords.Passages, name)
			found, err := s.View(ctx).SearchSemantic(ws, testModel, []float32{1, 0, 0}, f)
			require.NoError(t, err, name)
			require.Empty(t, found, name)
		}
	})
}

// Many conversations of any number and size are created together, except those whose
// external id is already used, also within the same call.
func TestCreatingManyAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		taken := added(t, s, ws, "taken", "was here first")
		var fresh []chat.Transcript
		for i := range 230 {
			var said []string
			for j := range i % 7 {
				said = append(said, fmt.Sprintf("message %d of %d, with \t\\N \"quotes\", ünï©ode and\na line", j, i))
			}
			fresh = append(fresh, transcript(t, fmt.Sprint("chat", i), append(said, strings.Repeat("long ", i))...))
		}
		fresh = append(fresh, transcript(t, "taken", "too late"), transcript(t, "chat7", "too late as well"))
		var made map[chat.ConversationID]bool
		inTx(t, s, func(tx *store.Tx) (err error) {
			made, err = tx.CreateConversations(ws, fresh)
			return err
		})
		require.Len(t, made, 230)
		for i, c := range fresh {
			require.Equal(t, i < 230, made[c.ID])
			got, err := s.View(ctx).Transcript(ws, c.ID)
			if i >= 230 {
				require.True(t, fault.Is(err, fault.NotFound))
				continue
			}
			require.NoError(t, err)
			c.LastImportID = c.ImportID
			require.Equal(t, c, got)
		}
		known := func(names ...string) (known map[chat.Origin]store.Known) {
			var origins []chat.Origin
			for _, name := range names {
				origins = append(origins, chat.Origin{Platform: "custom", ExternalID: name}, chat.Origin{Platform: "elsewhere", ExternalID: name})
			}
			inTx(t, s, func(tx *store.Tx) (err error) {
				known, err = tx.LockKnown(ws, origins, make([]chat.UploadSum, len(origins)))
				return err
			})
			return known
		}
		custom := func(name string) chat.Origin { return chat.Origin{Platform: "custom", ExternalID: name} }
		require.Equal(t, map[chat.Origin]store.Known{custom("taken"): {ID: taken.ID}, custom("chat3"): {ID: fresh[3].ID}}, known("taken", "chat3", "nobody's"))
		require.Equal(t, []chat.ConversationID{taken.ID}, remove(t, s, ws, taken.ID))
		require.Equal(t, map[chat.Origin]store.Known{custom("taken"): {}}, known("taken"), "deleted")
		requireSound(t, db)
	})
}
