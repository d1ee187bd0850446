package history_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/search"
)

func TestANewConversationIsStoredAndQueued(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		u := say("x", "question", "answer")
		u.Platform, u.DisplayName = "chatgpt", "ChatGPT"
		done := d.Ingest(u)
		stored := d.Transcript(done.Conversation.ID)
		require.Equal(t, done.Conversation, stored.Conversation, "the answer is what is stored")
		require.Equal(t, chat.Conversation{
			ID: done.Conversation.ID, Platform: "chatgpt", ExternalID: "x", Title: "About x", CreatedAt: now, UpdatedAt: now,
			ImportID: done.ImportID, LastImportID: done.ImportID, Messages: 2, Revision: 1, IndexState: chat.Queued,
		}, stored.Conversation)
		require.EqualValues(t, 1, d.Woken.Load())

		imported, err := d.History.AsOperator(d.WS).Import(t.Context(), strings.ToUpper(done.ImportID))
		require.NoError(t, err)
		require.Equal(t, chat.Import{
			ID: done.ImportID, Kind: "upload", Platform: "chatgpt", Status: chat.ImportQueued, Conversations: 1, Messages: 2, Pending: 1, CreatedAt: now,
			ImportJob: chat.ImportJob{State: chat.StateIndexing, Platforms: []string{"chatgpt"}, Counts: chat.ImportCounts{New: 1}, EndedAt: imported.EndedAt},
		}, imported)
		require.NotNil(t, imported.EndedAt)
		stats, err := d.History.AsOperator(d.WS).Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, []chat.PlatformStats{{Platform: "chatgpt", DisplayName: "ChatGPT", Conversations: 1, Messages: 2}}, stats.Platforms)
	})
}

// A re-send only re-indexes what it changes.
func TestSendingAgain(t *testing.T) {
	cases := map[string]struct {
		change  func(*chat.Upload)
		queued  bool
		changed int // number of messages that the import counts
	}{
		"unchanged":       {func(*chat.Upload) {}, false, 0},
		"without a title": {func(u *chat.Upload) { u.Title = "" }, false, 0},
		"only its tail":   {func(u *chat.Upload) { u.Messages = u.Messages[1:] }, false, 0},
		"a later date":    {func(u *chat.Upload) { u.UpdatedAt = now.Add(time.Hour) }, false, 0},
		"another title":   {func(u *chat.Upload) { u.Title = "Renamed" }, true, 0},
		"an edit":         {func(u *chat.Upload) { u.Messages[1].Text = "better answer" }, true, 1},
		"one more": {func(u *chat.Upload) {
			u.Messages = append(u.Messages, chat.UploadMessage{Role: "human", Text: "thanks"}, chat.UploadMessage{Role: "ai", Text: "welcome"})
		}, true, 2},
	}
	each(t, func(t *testing.T, d *desk) {
		for name, c := range cases {
			first := d.Ingest(say(name, "question", "answer"))
			require.Equal(t, 1, d.Index())
			before := d.Transcript(first.Conversation.ID)
			require.Equal(t, chat.Ready, before.IndexState)
			d.Woken.Store(0)
			embedded := d.Embedder.Texts.Load()

			u := say(name, "question", "answer")
			c.change(&u)
			d.Passed += time.Hour
			second := d.Ingest(u)
			after := d.Transcript(first.Conversation.ID)
			require.Equal(t, first.Conversation.ID, second.Conversation.ID, name)
			require.NotEqual(t, first.ImportID, second.ImportID)
			require.Equal(t, after.Conversation, second.Conversation)
			for i, m := range before.Turns {
				require.Equal(t, m.ID, after.Turns[i].ID)
			}
			if c.queued {
				require.Equal(t, chat.Queued, after.IndexState, name)
				require.Equal(t, before.Revision+1, after.Revision)
				require.EqualValues(t, 1, d.Woken.Load())
				require.Equal(t, 1, d.Index())
			} else {
				require.Equal(t, chat.Ready, after.IndexState, name)
				revision := before.Revision
				if name == "a later date" { // an export contains the date, the index does not
					revision++
				}
				require.Equal(t, revision, after.Revision, name)
				require.Equal(t, before.Turns, after.Turns)
				require.Zero(t, d.Woken.Load())
				require.Zero(t, d.Index())
				require.Equal(t, embedded, d.Embedder.Texts.Load(), "nothing is embedded again")
			}
			imported, err := d.History.AsOperator(d.WS).Import(t.Context(), second.ImportID)
			require.NoError(t, err)
			require.Equal(t, []any{1, c.changed, chat.ImportReady}, []any{imported.Conversations, imported.Messages, imported.Status}, name)
		}
		require.Equal(t, len(cases), d.Count())
		require.Empty(t, d.DB.Damage(t))
	})
}

func TestTitlesAndDatesDefault(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2025, 7, 1, hour, 0, 0, 0, time.UTC) }
	long := strings.Repeat("word ", 40)
	cases := map[string]struct {
		upload           chat.Upload
		title            string
		created, updated time.Time
		messages         []time.Time
	}{
		"nothing given": {
			chat.Upload{Messages: []chat.UploadMessage{{Role: "assistant", Text: "hello"}, {Role: "human", Text: " a \n question "}}},
			"a question", now, now, []time.Time{now, now},
		},
		"a long first message": {
			chat.Upload{Messages: []chat.UploadMessage{{Role: "human", Text: long}}},
			strings.TrimSpace(long[:80]), now, now, []time.Time{now},
		},
		"no human message": {chat.Upload{Messages: []chat.UploadMessage{{Role: "ai", Text: "hi"}}}, "Untitled", now, now, []time.Time{now}},
		"dates of the neighbours": {
			chat.Upload{Title: " T\t1 ", Messages: []chat.UploadMessage{{Role: "human"}, {Role: "ai", CreatedAt: at(2)}, {Role: "human"}, {Role: "ai", CreatedAt: at(3)}}},
			"T 1", at(2), at(3), []time.Time{at(2), at(2), at(2), at(3)},
		},
		"dates of the conversation": {
			chat.Upload{Title: "T", CreatedAt: at(1), UpdatedAt: at(9), Messages: []chat.UploadMessage{{Role: "human"}, {Role: "ai", CreatedAt: at(4)}}},
			"T", at(1), at(9), []time.Time{at(4), at(4)},
		},
		"another zone, and nanoseconds": {
			chat.Upload{Title: "T", CreatedAt: at(1).Add(999).In(time.FixedZone("east", 3600)), Messages: []chat.UploadMessage{{Role: "human"}}},
			"T", at(1), at(1), []time.Time{at(1)},
		},
	}
	each(t, func(t *testing.T, d *desk) {
		for name, c := range cases {
			u := c.upload
			u.ExternalID = name
			got := d.Transcript(d.Ingest(u).Conversation.ID)
			require.Equal(t, c.title, got.Title, name)
			require.Equal(t, c.created, got.CreatedAt, name)
			require.Equal(t, c.updated, got.UpdatedAt, name)
			for i, want := range c.messages {
				require.Equal(t, want, got.Turns[i].CreatedAt, name)
			}
		}
	})
}

func TestAnInvalidUploadStoresNothing(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		_, err := d.History.AsOperator(d.WS).Ingest(t.Context(), chat.Upload{Platform: "no platform!", Messages: []chat.UploadMessage{{Role: "narrator"}}})
		require.True(t, fault.Is(err, fault.Invalid))
		for _, problem := range []string{"platform", "external id", "messages[0].role"} {
			require.Contains(t, fault.Message(err), problem)
		}
		empty := []string{"workspaces", "secrets", "schema_migrations", "recipes", "current_recipe", "vector_version", "ledger_state"} // the tables that have rows in an empty database
		for table, n := range d.DB.Rows(t) {
			if !slices.Contains(empty, table) && !strings.HasPrefix(table, "sqlite_") {
				require.Zero(t, n, table)
			}
		}
		require.Zero(t, d.Woken.Load())
	})
}

func TestPagesAreClamped(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for i := range 3 {
			d.Ingest(say(string(rune('a'+i)), "text"))
		}
		for _, c := range []struct{ page, size, gotPage, gotSize, items int }{
			{1, 0, 1, 25, 3}, {0, -7, 1, 1, 1}, {-5, 1000, 1, 100, 3}, {2, 2, 2, 2, 1}, {9, 2, 9, 2, 0}, {1 << 60, 100, 1_000_000, 100, 0},
		} {
			page, err := d.History.AsOperator(d.WS).Conversations(t.Context(), chat.ListQuery{Page: c.page, PageSize: c.size})
			require.NoError(t, err)
			require.Equal(t, []int{c.gotPage, c.gotSize, 3, c.items}, []int{page.Page, page.PageSize, page.Total, len(page.Items)})
			imports, err := d.History.AsOperator(d.WS).Imports(t.Context(), c.page, c.size)
			require.NoError(t, err)
			require.Equal(t, []int{c.gotPage, c.gotSize, 3, c.items}, []int{imports.Page, imports.PageSize, imports.Total, len(imports.Items)})
		}
	})
}

func TestEditing(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.Ingest(say("x", "text")).Conversation.ID
		d.Index()
		d.Woken.Store(0)
		yes, blank, title := true, " \n\x00 "[:2], "  New\n title "
		edit := func(id chat.ConversationID, e chat.Edit) (chat.Conversation, error) {
			return d.History.AsOperator(d.WS).Edit(t.Context(), id, e)
		}

		_, err := edit(id, chat.Edit{})
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		_, err = edit(id, chat.Edit{Title: &blank})
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		for _, unknown := range []chat.ConversationID{"", "x", chat.ConversationID(chat.NewID()), id + "0"} {
			_, err = edit(unknown, chat.Edit{Pinned: &yes})
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
			require.Equal(t, "there is no such conversation", fault.Message(err))
		}
		c, err := edit(chat.ConversationID(strings.ToUpper(string(id))), chat.Edit{Pinned: &yes})
		require.NoError(t, err)
		require.True(t, c.Pinned)
		require.Zero(t, d.Woken.Load())

		c, err = edit(id, chat.Edit{Title: &title})
		require.NoError(t, err)
		require.Equal(t, "New title", c.Title)
		require.EqualValues(t, 1, d.Woken.Load())
		require.Equal(t, 1, d.Index())
		require.Equal(t, id, d.Search(search.Query{Text: "new title"}).Hits[0].ConversationID, "the new title is found")
	})
}

func TestUnknownIDsAreNotFound(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for _, id := range []chat.ConversationID{"", "x", "' OR 1=1 --", "\x00", chat.ConversationID(chat.NewID())} {
			_, err := historytest.ReadAll(t.Context(), d.History.AsOperator(d.WS), id)
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
			require.Equal(t, "there is no such conversation", fault.Message(err))
			_, err = d.History.AsOperator(d.WS).Import(t.Context(), string(id))
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
			require.Equal(t, "there is no such import", fault.Message(err))
		}
	})
}

// Conversations of one delivery are stored as they would be one after the other: new ones, stored ones, repeated
// ones, deleted ones, and excluded ones.
func TestADeliveryOfMany(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		other := d.AddWorkspace("other")
		var uploads []chat.Upload
		for _, name := range []string{"new", "stored", "twice", "deleted", "excluded", "newer", "twice", "stored as well"} {
			u := say(name, "question", "answer")
			u.Platform, u.DisplayName = "chatgpt", "Chat "+name
			uploads = append(uploads, u)
		}
		uploads[6].Messages[1].Text = "a better answer"
		for _, ws := range []chat.WorkspaceID{d.WS, other} {
			for _, i := range []int{1, 7, 3, 4} {
				before := uploads[i]
				before.Messages = before.Messages[:1]
				stored, err := d.History.AsOperator(ws).Ingest(t.Context(), before)
				require.NoError(t, err)
				if i == 1 || i == 7 {
					continue
				}
				_, err = d.History.AsOperator(ws).DeleteConversations(t.Context(), []chat.ConversationID{stored.Conversation.ID}, chat.DeleteOptions{Exclude: i == 4})
				require.NoError(t, err)
			}
		}
		d.Woken.Store(0)
		done, err := d.History.AsOperator(d.WS).IngestAll(t.Context(), uploads, history.Delivery{})
		require.NoError(t, err)
		require.Len(t, done.Conversations, len(uploads))
		require.EqualValues(t, 1, d.Woken.Load())
		var messages int
		merged := map[chat.ConversationID]chat.ConversationID{}
		for i, u := range uploads {
			one, err := d.History.AsOperator(other).Ingest(t.Context(), u)
			require.NoError(t, err)
			got, want := done.Conversations[i], one.Conversation
			require.Equal(t, i == 4, got.IndexState == chat.Excluded)
			if i != 4 {
				require.Equal(t, i == 1 || i == 7, got.ImportID != done.ImportID, "what was stored stays with the import that created it")
				imported, err := d.History.AsOperator(other).Import(t.Context(), one.ImportID)
				require.NoError(t, err)
				messages += imported.Messages
				merged[got.ID] = want.ID
			}
			got.ID, got.ImportID, got.LastImportID, want.ID, want.ImportID, want.LastImportID = "", "", "", "", "", ""
			require.Equal(t, want, got, u.ExternalID)
		}
		imported, err := d.History.AsOperator(d.WS).Import(t.Context(), done.ImportID)
		require.NoError(t, err)
		require.Equal(t, []any{7, messages, 6}, []any{imported.Conversations, imported.Messages, imported.Pending}, "one of them came twice")
		mine, err := d.History.AsOperator(d.WS).Stats(t.Context())
		require.NoError(t, err)
		theirs, err := d.History.AsOperator(other).Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, theirs, mine)
		require.Empty(t, d.DB.Damage(t))

		for got, want := range merged {
			require.Equal(t, texts(d, other, want), texts(d, d.WS, got))
		}

		refused, err := d.History.AsOperator(d.WS).IngestAll(t.Context(), uploads[4:5], history.Delivery{})
		require.NoError(t, err)
		require.Empty(t, refused.ImportID)
	})
}

func texts(d *desk, ws chat.WorkspaceID, id chat.ConversationID) (said []string) {
	d.T.Helper()
	stored, err := historytest.ReadAll(d.T.Context(), d.History.AsOperator(ws), id)
	require.NoError(d.T, err)
	for _, m := range stored.Turns {
		said = append(said, m.Text)
	}
	return said
}

func TestDeliveriesThatAreRefused(t *testing.T) {
	refused := map[string]struct {
		uploads []chat.Upload
		why     string
	}{
		"none":         {nil, "a delivery has 1 to 1000 conversations, got 0; send the rest in another"},
		"too many":     {make([]chat.Upload, history.MaxDelivery+1), "a delivery has 1 to 1000 conversations, got 1001; send the rest in another"},
		"one is wrong": {[]chat.Upload{say("x", "hello"), {ExternalID: "y"}}, "upload 1: messages must have at least one message"},
		"two are wrong": {
			[]chat.Upload{{ExternalID: "y"}, say("x", "hello"), {Messages: say("x", "hello").Messages}},
			"upload 0: messages must have at least one message; upload 2: external id is required",
		},
	}
	each(t, func(t *testing.T, d *desk) {
		for name, c := range refused {
			_, err := d.History.AsOperator(d.WS).IngestAll(t.Context(), c.uploads, history.Delivery{})
			require.True(t, fault.Is(err, fault.Invalid), name)
			require.Equal(t, c.why, fault.Message(err))
		}
		require.Zero(t, d.Count())
	})
}

// A busy machine stores a large upload slowly. If it were cut off, it would be sent again and cut off again.
func TestALargeUploadMayTakeLonger(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		hurried := d.with(func(o *history.Options) { o.Patience = time.Nanosecond }) // the limit passes before anything is done
		_, err := hurried.History.AsOperator(d.WS).Ingest(t.Context(), say("small", "hello"))
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		blob := strings.Repeat("TG9yZW0gaXBzdW0g", 8<<20/16) // adds half a minute to the limit
		_, err = hurried.History.AsOperator(d.WS).Ingest(t.Context(), say("large", blob))
		require.NoError(t, err)
		_, err = hurried.History.AsOperator(d.WS).Ingest(t.Context(), say("many", slices.Repeat([]string{"hello"}, 40_000)...))
		require.NoError(t, err)
	})
}
