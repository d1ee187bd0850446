package archive_test

import (
	"bytes"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/archive"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// life is a random history in two workspaces.
type life struct {
	*historytest.Fixture
	random *rand.Rand
	sent   map[chat.WorkspaceID]map[string]chat.Upload // by external id
	gone   map[chat.WorkspaceID]map[string]bool        // deleted, by external id; true when excluded
}

func (l *life) upload(id string) chat.Upload {
	odd := []string{"", "plain", "\"quoted\" \\ \n\r\t\x01", "\u2028 é 日本 😀 \ufffd", strings.Repeat("long ü ", 4000), "<b>&amp;</b>", "{\"end\":{}}"}
	text := func() string { return odd[l.random.IntN(len(odd))] }
	maybe := func() *bool { return []*bool{nil, new(true), new(false)}[l.random.IntN(3)] }
	at := func() time.Time { return time.UnixMicro(1_600_000_000_000_000 + l.random.Int64N(1e14)).UTC() }
	u := chat.Upload{
		Platform: "chatgpt", DisplayName: "ChatGPT", ExternalID: id, Title: text(), CreatedAt: at(), UpdatedAt: at(), Pinned: maybe(), TellsMarks: true,
		Source: chat.Source{Archived: maybe(), Starred: maybe(), Project: text(), Link: "https://a.b/c?d=ü&e"},
	}
	for i := range 1 + l.random.IntN(8) {
		m := chat.UploadMessage{
			Role: []string{"human", "assistant", "system", "tool"}[l.random.IntN(4)], Text: text(), CreatedAt: at(),
			Inferred: l.random.IntN(3) == 0, Hidden: l.random.IntN(4) == 0,
		}
		if l.random.IntN(2) == 0 {
			m.ExternalID = fmt.Sprint(i, "é\"")
		}
		if l.random.IntN(4) == 0 {
			m.Branch, m.Files = "b", []string{"a\"b.png", text()}
		}
		u.Messages = append(u.Messages, m)
	}
	return u
}

// step does something that a user might do in a workspace.
func (l *life) step(ws chat.WorkspaceID) {
	access, ctx := l.History.AsOperator(ws), l.T.Context()
	var ids []chat.ConversationID
	known := map[chat.ConversationID]string{}
	for c, err := range access.Export(ctx, chat.Filter{}) {
		require.NoError(l.T, err)
		ids, known[c.ID] = append(ids, c.ID), c.ExternalID
	}
	l.Passed += time.Second
	switch what := l.random.IntN(10); {
	case what < 4 || len(ids) == 0: // also one that was deleted before
		u := l.upload(fmt.Sprint("chat ", l.random.IntN(40)))
		_, err := access.Ingest(ctx, u)
		require.NoError(l.T, err)
		if !l.gone[ws][u.ExternalID] {
			delete(l.gone[ws], u.ExternalID)
		}
		l.sent[ws][u.ExternalID] = u
	case what < 6:
		_, err := access.ImportFile(ctx, func(yield func(history.Read) bool) {
			for range 3 {
				u := l.upload(fmt.Sprint("file ", l.random.IntN(30)))
				if l.sent[ws][u.ExternalID] = u; !yield(history.Read{Upload: u}) {
					return
				}
			}
			yield(history.Read{Place: chat.ImportPlace{Member: "a.json", Element: 3}, Err: fault.Invalidf("it is broken")})
		}, false)
		require.NoError(l.T, err)
	case what < 7:
		_, err := access.Edit(ctx, ids[l.random.IntN(len(ids))], chat.Edit{Title: new("renamed"), Pinned: new(l.random.IntN(2) == 0)})
		require.NoError(l.T, err)
	default:
		some := ids[:1+l.random.IntN(min(3, len(ids)))]
		exclude := l.random.IntN(3) == 0
		_, err := access.DeleteConversations(ctx, some, chat.DeleteOptions{Exclude: exclude})
		require.NoError(l.T, err)
		for _, id := range some {
			l.gone[ws][known[id]] = exclude
		}
	}
}

func live(t *testing.T, db storetest.Database, seed uint64, steps int) *life {
	l := &life{
		Fixture: historytest.New(t, db, ""), random: rand.New(rand.NewPCG(seed, 2)), //nolint:gosec // a test repeats its history
		sent: map[chat.WorkspaceID]map[string]chat.Upload{}, gone: map[chat.WorkspaceID]map[string]bool{},
	}
	spaces := []chat.WorkspaceID{l.WS, l.AddWorkspace("another \"one\"")}
	for _, ws := range spaces {
		l.sent[ws], l.gone[ws] = map[string]chat.Upload{}, map[string]bool{}
	}
	for range steps {
		l.step(spaces[l.random.IntN(2)])
	}
	l.gone[spaces[0]]["kept back"] = true // one of each kind, whatever the seed
	l.sent[spaces[0]]["kept back"] = l.upload("kept back")
	done := l.Ingest(l.sent[spaces[0]]["kept back"])
	_, err := l.Access().DeleteConversations(t.Context(), []chat.ConversationID{done.Conversation.ID}, chat.DeleteOptions{Exclude: true})
	require.NoError(t, err)
	return l
}

func (l *life) withoutAWorkspace() {
	ws := l.AddWorkspace("deleted")
	_, err := l.History.AsOperator(ws).Ingest(l.T.Context(), l.upload("x"))
	require.NoError(l.T, err)
	_, err = administration(l.T, l.Fixture).DeleteWorkspace(l.T.Context(), "deleted", nil)
	require.NoError(l.T, err)
}

func administration(t *testing.T, f *historytest.Fixture) history.Administration {
	t.Helper()
	a, err := f.History.Administer(auth.Operator(0))
	require.NoError(t, err)
	return a
}

func written(t *testing.T, records iter.Seq2[history.Record, error]) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, archive.Write(t.Context(), &out, records))
	return out.String()
}

func file(text string) format.Member {
	return format.Member{Path: "all.jsonl", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func restore(t *testing.T, into *historytest.Fixture, text string) (history.Tally, error) {
	t.Helper()
	return administration(t, into).Restore(t.Context(), archive.Read(t.Context(), file(text)), nil)
}

// lines are the lines of a file after its header, which differs each time.
func lines(text string) []string {
	return strings.Split(text, "\n")[1:]
}

// empty returns an empty database with a key of its own. Databases of tests may be copies of one.
func empty(t *testing.T, kind string) *historytest.Fixture {
	f := historytest.New(t, storetest.New(t, kind), "")
	require.NoError(t, f.Store.AdoptTombstoneKey(t.Context(), []byte(cryptorand.Text()+"123456")))
	return f
}

// Everything comes back equal to the last field, from each kind of database into each, and what
// was deleted stays deleted when the same chats are imported again.
func TestEverythingComesBack(t *testing.T) {
	for i, from := range storetest.Kinds(t) {
		l := live(t, storetest.New(t, from), 20261128+uint64(i), 80) //nolint:gosec // few kinds
		l.withoutAWorkspace()
		text := written(t, l.Access().Everything(t.Context()))
		require.NotEmpty(t, l.gone[l.WS])
		for _, kind := range storetest.Kinds(t) {
			t.Run(from+" to "+kind, func(t *testing.T) {
				into := empty(t, kind)
				tally, err := restore(t, into, text)
				require.NoError(t, err)
				require.Equal(t, 2, tally.Workspaces)
				require.Equal(t, lines(text), lines(written(t, into.Access().Everything(t.Context()))))
				require.Empty(t, into.DB.Damage(t))
				l.stayDeleted(t, into)

				into.Index()
				require.Empty(t, into.DB.Damage(t))
				_, err = restore(t, into, text)
				require.Equal(t, fault.Conflict, fault.KindOf(err), "a second restore finds that the workspaces are not empty")
			})
		}
	}
}

// stayDeleted imports what was ever sent into a restored database, as the file of its platform
// would.
func (l *life) stayDeleted(t *testing.T, into *historytest.Fixture) {
	for ws, all := range l.sent {
		name, err := l.Store.View(t.Context()).WorkspaceName(ws)
		require.NoError(t, err)
		access := into.History.AsOperator(into.AddWorkspace(name))
		before, err := access.Count(t.Context())
		require.NoError(t, err)
		done, err := access.ImportFile(t.Context(), func(yield func(history.Read) bool) {
			for id := range l.gone[ws] {
				if !yield(history.Read{Upload: all[id]}) {
					return
				}
			}
		}, false)
		require.NoError(t, err)
		require.Equal(t, len(l.gone[ws]), done.Deleted+done.Excluded)
		after, err := access.Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, after)
		for id, excluded := range l.gone[ws] {
			one, err := access.Ingest(t.Context(), all[id])
			require.NoError(t, err)
			require.Equal(t, excluded, one.Conversation.IndexState == chat.Excluded, id)
			break
		}
	}
}

// A restore that was interrupted after any record is continued by another one of the same file.
func TestAnInterruptedRestoreIsContinued(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		l := live(t, db, 7, 40)
		l.withoutAWorkspace()
		text := written(t, l.Access().Everything(t.Context()))
		other := written(t, l.Access().Everything(t.Context()))
		want := strings.Count(text, "\n")
		into := empty(t, db.Kind)
		for _, after := range []int{2, want / 4, want / 3, want / 2, want - 3, want - 1} {
			broken, n := errors.New("broken"), 0
			_, err := administration(t, into).Restore(t.Context(), func(yield func(history.Record, error) bool) {
				for r, err := range archive.Read(t.Context(), file(text)) {
					if n++; n > after {
						yield(history.Record{}, broken)
						return
					}
					if !yield(r, err) {
						return
					}
				}
			}, nil)
			require.ErrorIs(t, err, broken)
		}
		_, err := restore(t, into, other)
		require.ErrorContains(t, err, "another file")
		_, err = restore(t, into, text)
		require.NoError(t, err)
		require.Equal(t, lines(text), lines(written(t, into.Access().Everything(t.Context()))))
		require.Empty(t, into.DB.Damage(t))
	})
}

// What is deleted, or deleted and sent again, while a file is written is so after the restore.
func TestADeleteDuringTheExport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		f := historytest.New(t, db, "")
		for _, id := range []string{"gone", "again", "stays"} {
			f.Ingest(historytest.Upload(id, "hello"))
		}
		text := written(t, func(yield func(history.Record, error) bool) {
			seen := 0
			for r, err := range f.Access().Everything(t.Context()) {
				if r.Exported != nil {
					seen++
				}
				if !yield(r, err) {
					return
				}
				if seen == 3 {
					seen = 0
					var ids []chat.ConversationID
					for c, err := range f.Access().Export(t.Context(), chat.Filter{}) {
						require.NoError(t, err)
						if c.ExternalID != "stays" {
							ids = append(ids, c.ID)
						}
					}
					_, err := f.Access().DeleteConversations(t.Context(), ids, chat.DeleteOptions{})
					require.NoError(t, err)
					f.Ingest(historytest.Upload("again", "the second"))
				}
			}
		})
		require.Contains(t, text, `"id":"gone"`)
		into := empty(t, db.Kind)
		_, err := restore(t, into, text)
		require.NoError(t, err)
		var have []string
		for c, err := range into.Access().Export(t.Context(), chat.Filter{}) {
			require.NoError(t, err)
			have = append(have, c.ExternalID)
		}
		require.NotContains(t, have, "gone")
		require.Contains(t, have, "stays")
		require.Empty(t, into.DB.Damage(t))
	})
}

// Tombstones with two keys cannot be joined: that is said before anything is written.
func TestTombstonesOfAnotherKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		from := historytest.New(t, db, "")
		from.Ingest(historytest.Upload("x", "hello"))
		text := written(t, from.Access().Everything(t.Context()))

		into := empty(t, db.Kind)
		elsewhere := into.History.AsOperator(into.AddWorkspace("elsewhere"))
		done, err := elsewhere.Ingest(t.Context(), historytest.Upload("y", "hello"))
		require.NoError(t, err)
		_, err = elsewhere.DeleteConversations(t.Context(), []chat.ConversationID{done.Conversation.ID}, chat.DeleteOptions{})
		require.NoError(t, err)
		before := written(t, into.Access().Everything(t.Context()))
		_, err = restore(t, into, text)
		require.Equal(t, fault.Conflict, fault.KindOf(err))
		require.ErrorContains(t, err, "another key")
		require.Equal(t, lines(before), lines(written(t, into.Access().Everything(t.Context()))), "nothing was written")
		again, err := elsewhere.ImportFile(t.Context(), func(yield func(history.Read) bool) { yield(history.Read{Upload: historytest.Upload("y", "hello")}) }, false)
		require.NoError(t, err)
		require.Equal(t, 1, again.Deleted, "its own tombstones are still read")
	})
}

// A program that uses the database knows its key, so the key is not replaced under it. One that
// starts afterwards uses the new key.
func TestTheKeyIsNotReplacedUnderARunningProgram(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		l := live(t, db, 3, 10)
		text := written(t, l.Access().Everything(t.Context()))
		into := empty(t, db.Kind)
		running, late := into.DB.Open(t), into.DB.Open(t)
		require.NoError(t, running.ShowAlive(t.Context()))
		_, err := restore(t, into, text)
		require.Equal(t, fault.Conflict, fault.KindOf(err))
		require.ErrorContains(t, err, "stop the service")
		require.NoError(t, running.Close())

		_, err = restore(t, into, text)
		require.NoError(t, err)
		require.NoError(t, late.ShowAlive(t.Context()))
		require.Equal(t, into.Store.View(t.Context()).TombstoneKey(), late.View(t.Context()).TombstoneKey())
		deleted, _, err := late.View(t.Context()).Tombstoned(into.WS, "chatgpt", "kept back")
		require.NoError(t, err)
		require.True(t, deleted)
	})
}

// A file that is damaged, cut or not of this kind is told from a good one.
func TestDamagedFiles(t *testing.T) {
	kind := storetest.Kinds(t)[0]
	l := live(t, storetest.New(t, kind), 5, 30)
	text := written(t, l.Access().Everything(t.Context()))
	all := strings.SplitAfter(text, "\n")
	without := func(i int) string { return strings.Join(all[:i], "") + strings.Join(all[i+1:], "") }
	at := func(what string) int {
		for i, line := range all {
			if strings.HasPrefix(line, `{"`+what) {
				return i
			}
		}
		t.Fatal(what)
		return 0
	}
	for name, c := range map[string]struct{ text, says string }{
		"empty":                    {"", "incomplete"},
		"no header":                {without(0), "no header"},
		"two headers":              {all[0] + text, "two headers"},
		"cut between lines":        {strings.Join(all[:len(all)-3], ""), "incomplete"},
		"cut in a line":            {text[:len(text)-20], "last line of all.jsonl is incomplete"},
		"a conversation is lost":   {without(at("conversationId")), "lines of the file are missing"},
		"a tombstone is lost":      {without(at("tombstone")), "lines of the file are missing"},
		"a workspace is lost":      {without(at("workspace")), "belong to no workspace"},
		"no JSON":                  {all[0] + "this is text\n" + strings.Join(all[1:], ""), "line 2: the line is not JSON"},
		"something new":            {all[0] + all[1] + `{"recipe":{}}` + "\n" + strings.Join(all[2:], ""), "newer"},
		"a newer version":          {strings.Replace(text, `"version":1`, `"version":2`, 1), "newer version"},
		"an ordinary export":       {`{"platform":"p","conversation":{"id":"1","messages":[]}}` + "\n", "lethe export --everything"},
		"a header without the key": {strings.Replace(text, `"tombstoneKey":"`, `"tombstoneKey":"AAAA","x":"`, 1), "header of the file is damaged"},
		"it goes on":               {text + all[1], "goes on after its last line"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := restore(t, empty(t, kind), c.text)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			require.ErrorContains(t, err, c.says)
		})
	}
}

// A caller without the scope admin gets its own workspace, and the keys of nobody are in a file.
func TestWhoseEverythingItIs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		l := live(t, db, 11, 20)
		as := func(scopes ...auth.Scope) []string {
			key, _, err := administration(t, l.Fixture).CreateKey(t.Context(), "w", "k", scopes)
			require.NoError(t, err)
			access, err := l.History.As(auth.NewPrincipal(key.ID, l.WS, scopes...))
			require.NoError(t, err)
			var names []string
			for r, err := range access.Everything(t.Context()) {
				require.NoError(t, err)
				if r.Workspace != nil {
					names = append(names, r.Workspace.Name)
				}
			}
			return names
		}
		require.Equal(t, []string{"w"}, as(auth.Read))
		require.Equal(t, []string{"another \"one\"", "w"}, as(auth.Read, auth.Admin))
		text := written(t, l.Access().Everything(t.Context()))
		require.NotContains(t, text, "hash\"", "no hash of a key")
		require.Contains(t, lines("\n" + text)[0], "Keep the file as you keep the database")
	})
}

// A conversation on several lines comes back as a whole.
func TestALongConversationOfEverything(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		f := historytest.New(t, db, "")
		long := chat.Upload{ExternalID: "long", Messages: make([]chat.UploadMessage, 0, 60_000)}
		for i := range cap(long.Messages) {
			long.Messages = append(long.Messages, chat.UploadMessage{Role: []string{"human", "assistant"}[i%2], Text: fmt.Sprint("again ", i%5)})
		}
		for _, part := range long.Split(chat.DefaultPartLimits()) {
			f.Ingest(part)
		}
		text := written(t, f.Access().Everything(t.Context()))
		require.Greater(t, strings.Count(text, `"conversationId"`), 2)
		into := empty(t, db.Kind)
		_, err := restore(t, into, text)
		require.NoError(t, err)
		require.Equal(t, lines(text), lines(written(t, into.Access().Everything(t.Context()))))

		var parts []chat.StoredPart
		for r, err := range archive.Read(t.Context(), file(text)) {
			require.NoError(t, err)
			if r.Part != nil {
				parts = append(parts, *r.Part)
			}
		}
		require.NoError(t, into.Store.InTx(t.Context(), func(tx *store.Tx) error { return tx.RestoreMessages(into.WS, parts[1]) }), "again")
		parts[1].From += 100_000
		err = into.Store.InTx(t.Context(), func(tx *store.Tx) error { return tx.RestoreMessages(into.WS, parts[1]) })
		require.ErrorContains(t, err, "damaged")
	})
}

// The receipts of a deleted workspace stay together, also when there are many, and so do
// tombstones on several pages.
func TestManyReceiptsAndTombstones(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		f := historytest.New(t, db, "")
		gone := f.AddWorkspace("gone")
		require.NoError(t, f.Store.InTx(t.Context(), func(tx *store.Tx) error {
			var receipts []chat.Deletion
			var tombstones []chat.Tombstone
			for i := range 1201 {
				d := chat.Deletion{ID: chat.DeletionID(chat.NewID()), KeyID: "k", Conversations: i, DeletedAt: historytest.Now()}
				receipts = append(receipts, d)
				tombstones = append(tombstones, chat.Tombstone{ExternalHash: fmt.Appendf(nil, "%016d", i), ConversationHash: fmt.Appendf(nil, "%016d", -i), DeletionID: d.ID})
			}
			return errors.Join(tx.RestoreDeletions(gone, receipts), tx.RestoreTombstones(f.WS, tombstones))
		}))
		_, err := administration(t, f).DeleteWorkspace(t.Context(), "gone", nil)
		require.NoError(t, err)
		text := written(t, f.Access().Everything(t.Context()))
		into := empty(t, db.Kind)
		tally, err := restore(t, into, text)
		require.NoError(t, err)
		require.Equal(t, history.Tally{Workspaces: 1, Deletions: 1202, Tombstones: 1201}, tally)
		again := written(t, into.Access().Everything(t.Context()))
		require.Equal(t, lines(text), lines(again))
		require.Equal(t, 2, strings.Count(again, `{"workspace":`), "one that exists, and one that was deleted")
	})
}
