package ledger_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/ledger"
	"github.com/lethe-chat/lethe/internal/ledger/book"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// program is one program on a database with a ledger.
type program struct {
	t       *testing.T
	store   *store.Store
	history *history.History
	ledger  *ledger.Ledger
	book    *failing
	ws      chat.WorkspaceID
}

// failing is a ledger that fails when the test wants it to.
type failing struct {
	book.Book

	before error // returned instead of a turn
	after  error // returned after a turn, so that the caller does not know what became of it
}

func (f *failing) Exclusively(ctx context.Context, fn func(book.Session) error) error {
	if f.before != nil {
		return f.before
	}
	if f.after == nil {
		return f.Book.Exclusively(ctx, fn)
	}
	return f.Book.Exclusively(ctx, func(s book.Session) error { return fn(stopping{s, f.after}) })
}

// stopping fails after it has appended, as a program that stops there.
type stopping struct {
	book.Session

	err error
}

func (s stopping) Append(records []book.Record) (uint64, error) {
	_, err := s.Session.Append(records)
	return 0, errors.Join(err, s.err)
}

// each runs a test on each kind of database, with a ledger in a file and in a database.
func each(t *testing.T, test func(t *testing.T, db storetest.Database, place string)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		places := map[string]string{"file": filepath.Join(t.TempDir(), "ledger")}
		if db.Kind == storetest.Postgres {
			places["database"] = storetest.New(t, storetest.Postgres).Options().URL
		}
		for name, place := range places {
			if name == "file" || len(places) == 1 {
				db := db
				t.Run(name, func(t *testing.T) { test(t, db, place) })
				continue
			}
			t.Run(name, func(t *testing.T) { test(t, storetest.New(t, db.Kind), place) })
		}
	})
}

// start opens the database with a ledger, and runs fn; the database is closed afterwards.
func start(t *testing.T, db storetest.Database, place string, fn func(p *program)) {
	t.Helper()
	p := begin(t, db, place)
	require.NoError(t, p.ledger.Open(t.Context(), false))
	fn(p)
	require.NoError(t, p.store.Close())
}

// begin does not open the ledger.
func begin(t *testing.T, db storetest.Database, place string, change ...func(*ledger.Options)) *program {
	t.Helper()
	s, err := store.Open(t.Context(), db.Options())
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	b, err := book.Open(place)
	require.NoError(t, err)
	p := &program{t: t, store: s, book: &failing{Book: b}}
	o := ledger.Options{Store: s, Book: p.book}
	for _, c := range change {
		c(&o)
	}
	p.ledger = ledger.New(o)
	s.AfterDeletes(p.ledger.Catch, b.Close)
	p.history = history.New(history.Options{Store: s, Embedder: embed.NewNone()})
	p.ws = p.workspace("w")
	return p
}

func (p *program) workspace(name string) (ws chat.WorkspaceID) {
	p.t.Helper()
	require.NoError(p.t, p.store.InTx(p.t.Context(), func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace(name)
		return err
	}))
	return ws
}

func (p *program) add(ws chat.WorkspaceID, name string, texts ...string) chat.ConversationID {
	p.t.Helper()
	done, err := p.history.AsOperator(ws).Ingest(p.t.Context(), historytest.Upload(name, texts...))
	require.NoError(p.t, err)
	return done.Conversation.ID
}

func (p *program) remove(ids ...chat.ConversationID) error {
	_, err := p.history.AsOperator(p.ws).DeleteConversations(p.t.Context(), ids, chat.DeleteOptions{})
	return err
}

// stored lists everything that is stored: workspaces, conversations and messages, by name and text.
func (p *program) stored() (list []string) {
	p.t.Helper()
	all, err := p.store.View(p.t.Context()).Workspaces()
	require.NoError(p.t, err)
	for _, w := range all {
		list = append(list, w.Name)
		items, err := p.store.View(p.t.Context()).ConversationsAfter(w.ID, chat.Filter{}, "", 1000)
		require.NoError(p.t, err)
		for _, c := range items {
			turns, err := p.store.View(p.t.Context()).Transcript(w.ID, c.ID)
			require.NoError(p.t, err)
			for _, m := range turns.Turns {
				list = append(list, strings.Join([]string{w.Name, string(c.ID), c.ExternalID, string(m.ID), m.Text}, "/"))
			}
		}
	}
	return list
}

// paths are the operations that delete, each with a way to call it on these conversations.
var paths = map[string]func(ctx context.Context, p *program, ids []chat.ConversationID) error{
	"DeleteConversations": func(ctx context.Context, p *program, ids []chat.ConversationID) error {
		_, err := p.history.AsOperator(p.ws).DeleteConversations(ctx, ids[:2], chat.DeleteOptions{})
		return err
	},
	"DeleteMatching": func(ctx context.Context, p *program, _ []chat.ConversationID) error {
		_, _, err := p.history.AsOperator(p.ws).DeleteMatching(ctx, chat.MatchingDelete{Filter: chat.Filter{Title: "b"}})
		return err
	},
	"DeleteBulk": func(ctx context.Context, p *program, ids []chat.ConversationID) error {
		_, err := p.history.AsOperator(p.ws).DeleteBulk(ctx, history.BulkDelete{IDs: ids[1:2], Atomic: true})
		return err
	},
	"DeleteUnchanged": func(ctx context.Context, p *program, ids []chat.ConversationID) error {
		c, err := p.store.View(ctx).Conversation(p.ws, ids[0])
		if err == nil {
			_, err = p.history.AsOperator(p.ws).DeleteUnchanged(ctx, chat.UnchangedDelete{Seen: []chat.Seen{{ID: c.ID, Revision: c.Revision}}})
		}
		return err
	},
	"DeleteMessages": func(ctx context.Context, p *program, ids []chat.ConversationID) error {
		turns, err := p.store.View(ctx).Transcript(p.ws, ids[0])
		if err == nil {
			_, err = p.history.AsOperator(p.ws).DeleteMessages(ctx, history.MessagesDelete{Conversation: ids[0], Messages: []chat.MessageID{turns.Turns[0].ID}})
		}
		return err
	},
	"ConfirmDelete": func(ctx context.Context, p *program, ids []chat.ConversationID) error {
		a, d := p.history.AsOperator(p.ws), history.ToConfirm{IDs: ids[:1]}
		proposed, err := a.ProposeDelete(ctx, d)
		if err == nil {
			_, err = a.ConfirmDelete(ctx, d, proposed.Token)
		}
		return err
	},
	"DeleteWorkspace": func(ctx context.Context, p *program, _ []chat.ConversationID) error {
		a, err := p.history.Administer(auth.Operator(0))
		if err == nil {
			_, err = a.DeleteWorkspace(ctx, "w", nil)
		}
		return err
	},
}

// deletesNothing are the other operations.
var deletesNothing = []string{
	"AwaitReclaimed", "BeginImport", "Conversations", "Count", "Deletion", "Deletions", "Edit", "Everything", "Export", "ExportOne", "FeedImport", "Find", "FinishImport",
	"Import", "ImportBegun", "ImportFile", "Imports", "Ingest", "IngestAll", "LiftExclusions", "May", "Messages", "PageCode", "PreviewDelete", "PreviewMatching", "ProposeDelete",
	"Read", "ReadPiece", "Recall", "ReindexFailed", "ReportImport", "RevokeKey", "Rights", "Search", "SenderStyle", "StartImport", "Stats", "StopImport", "Summary", "Walk", "Watch",
	"CreateKey", "CreateWorkspace", "Keys", "Workspaces", "Restore", "WithIdempotencyKey",
}

// Each path that deletes reaches the ledger: a backup from before it is brought to the same state. A new operation
// must be in one of the two lists.
func TestEveryDeleteReachesTheLedger(t *testing.T) {
	for _, kind := range []reflect.Type{reflect.TypeFor[history.Access](), reflect.TypeFor[history.Administration]()} {
		for i := range kind.NumMethod() {
			name := kind.Method(i).Name
			require.True(t, paths[name] != nil || slices.Contains(deletesNothing, name), "%s is new: say in paths how it deletes, or that it deletes nothing", name)
		}
	}
	each(t, func(t *testing.T, db storetest.Database, place string) {
		for name, path := range paths {
			var ids []chat.ConversationID
			start(t, db, place, func(p *program) {
				other := p.workspace("other")
				p.add(other, "elsewhere", "kept")
				ids = nil
				for _, title := range []string{"a", "b", "c"} {
					ids = append(ids, p.add(p.ws, title+name, title+" one", title+" two"))
				}
			})
			backup := db.Clone(t)
			var before, after []string
			start(t, db, place, func(p *program) {
				before = p.stored()
				require.NoError(t, path(t.Context(), p, ids), name)
				after = p.stored()
				require.NotEqual(t, before, after, "%s deletes nothing", name)
			})
			start(t, backup, place, func(p *program) {
				require.Equal(t, after, p.stored(), "%s: a restored backup brings back what it has deleted", name)
				receipts, _, err := p.store.View(t.Context()).Deletions(p.ws, 1, 10)
				require.NoError(t, err)
				require.Equal(t, ledger.KeyID, receipts[0].KeyID, "the receipt says who has deleted it")
				owed, err := p.store.View(t.Context()).CountOwed()
				require.NoError(t, err)
				require.Zero(t, owed)
			})
			db = backup // and the ledger goes on with it
			start(t, db, place, func(p *program) {
				for _, c := range after {
					require.NotEmpty(t, c)
				}
				list, _, err := p.store.View(t.Context()).Conversations(p.ws, chat.ListQuery{Page: 1, PageSize: 100})
				require.NoError(t, err)
				for _, c := range list {
					require.NoError(t, p.remove(c.ID))
				}
				p.workspace("w")
			})
		}
	})
}

// What is uploaded again after its delete has a new id, and stays after a restore of a backup that has it.
func TestWhatIsSentAgainStays(t *testing.T) {
	each(t, func(t *testing.T, db storetest.Database, place string) {
		var backups []storetest.Database
		start(t, db, place, func(p *program) { p.add(p.ws, "x", "one") })
		backups = append(backups, db.Clone(t))
		var after []string
		start(t, db, place, func(p *program) {
			list, _, err := p.store.View(t.Context()).Conversations(p.ws, chat.ListQuery{Page: 1, PageSize: 10})
			require.NoError(t, err)
			require.NoError(t, p.remove(list[0].ID))
			p.add(p.ws, "x", "one")
			after = p.stored()
		})
		backups = append(backups, db.Clone(t))
		start(t, db, place, func(p *program) { require.NoError(t, p.remove(p.add(p.ws, "y", "two"))) })
		start(t, backups[1], place, func(p *program) { require.Equal(t, after, p.stored()) })
		start(t, backups[0], place, func(p *program) {
			require.Equal(t, []string{"w"}, p.stored())
			p.add(p.ws, "x", "one")
			require.Len(t, p.stored(), 2)
		})
		start(t, backups[0], place, func(p *program) { require.Len(t, p.stored(), 2, "the position was moved") })
	})
}

// A ledger that fails does not undo the delete, and does not lose it either.
func TestAFailingLedger(t *testing.T) {
	each(t, func(t *testing.T, db storetest.Database, place string) {
		start(t, db, place, func(p *program) { p.add(p.ws, "a", "one"); p.add(p.ws, "b", "two"); p.add(p.ws, "c", "three") })
		backup := db.Clone(t)
		start(t, db, place, func(p *program) {
			list, err := p.store.View(t.Context()).ConversationsAfter(p.ws, chat.Filter{}, "", 10)
			require.NoError(t, err)
			p.book.before = fault.New(fault.Unavailable, "the disk is full")
			err = p.remove(list[0].ID)
			require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
			require.Contains(t, fault.Message(err), "the delete is done")
			require.Contains(t, fault.Message(err), "the disk is full")
			require.Len(t, p.stored(), 3, "it is deleted")
			owed, err := p.store.View(t.Context()).CountOwed()
			require.NoError(t, err)
			require.Equal(t, 1, owed)
			p.book.before = nil
			require.NoError(t, p.ledger.Once(t.Context()), "it is tried again")
			owed, err = p.store.View(t.Context()).CountOwed()
			require.NoError(t, err)
			require.Zero(t, owed)

			p.book.after = errors.New("the program stops")
			require.Error(t, p.remove(list[1].ID))
			status, err := p.ledger.Status(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, status.Owed)
			require.Equal(t, status.Database.Position+1, status.Head.Last, "the ledger has it, and the database does not know")
		})
		start(t, db, place, func(p *program) {
			status, err := p.ledger.Status(t.Context())
			require.NoError(t, err)
			require.Zero(t, status.Owed)
			require.Equal(t, status.Database.Position, status.Head.Last)
			require.EqualValues(t, 2, status.Head.Last, "it is not added twice")
			_, n, err := p.store.View(t.Context()).Deletions(p.ws, 1, 10)
			require.NoError(t, err)
			require.Equal(t, 2, n, "nothing was deleted again, so there is no receipt of that")
			require.Len(t, p.stored(), 2)
		})
		start(t, backup, place, func(p *program) { require.Len(t, p.stored(), 2, "both are deleted from the backup") })
	})
}

func TestTheLedgerOfAnotherDatabaseIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db storetest.Database, place string) {
		refused := func(db storetest.Database, place, why string) {
			p := begin(t, db, place)
			err := p.ledger.Open(t.Context(), false)
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			require.Contains(t, fault.Message(err), why)
			require.NoError(t, p.store.Close())
		}
		start(t, db, place, func(p *program) { require.NoError(t, p.remove(p.add(p.ws, "x", "one"))) })
		foreign := storetest.New(t, db.Kind)
		if db.Kind == storetest.Postgres { // the tests' databases are copies of one, with its key
			foreign.Break(t, "UPDATE secrets SET value = sha256(value)")
		}
		start(t, foreign, filepath.Join(t.TempDir(), "theirs"), func(p *program) { p.add(p.ws, "y", "kept") })
		refused(foreign, place, "belongs to another database")
		refused(db, filepath.Join(t.TempDir(), "missing"), "there is none at")
		second := filepath.Join(t.TempDir(), "second")
		p := begin(t, db, second)
		require.NoError(t, p.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.ForgetLedger() }))
		require.NoError(t, p.store.Close())
		backup := db.Clone(t) // has no ledger
		start(t, db, second, func(p *program) {
			status, err := p.ledger.Status(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, status.Head.Last, "a new ledger learns what the tombstones know")
		})
		refused(db, place, "has another ledger than")
		start(t, backup, second, func(p *program) { require.Equal(t, []string{"w"}, p.stored()) })
	})
}

// A ledger that was itself restored from a copy lacks records that the database knows.
func TestALedgerThatIsOlderThanTheDatabase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		place := filepath.Join(t.TempDir(), "ledger")
		start(t, db, place, func(p *program) {
			p.add(p.ws, "kept", "one")
			require.NoError(t, p.remove(p.add(p.ws, "x", "one")))
		})
		older, err := os.ReadFile(place)
		require.NoError(t, err)
		start(t, db, place, func(p *program) { p.add(p.ws, "y", "two") })
		backup := db.Clone(t)
		start(t, db, place, func(p *program) {
			list, err := p.store.View(t.Context()).ConversationsAfter(p.ws, chat.Filter{}, "", 10)
			require.NoError(t, err)
			require.NoError(t, p.remove(list[1].ID))
		})
		require.NoError(t, os.WriteFile(place, older, 0o600))
		start(t, db, place, func(p *program) { require.Len(t, p.stored(), 2) })
		start(t, backup, place, func(p *program) { require.Len(t, p.stored(), 2, "the tombstones have told the ledger") })
	})
}

// Records are removed after their time. A backup that is older than that is refused until the operator
// accepts it.
func TestTheRetentionOfTheLedger(t *testing.T) {
	each(t, func(t *testing.T, db storetest.Database, place string) {
		start(t, db, place, func(p *program) { p.add(p.ws, "a", "one"); p.add(p.ws, "b", "two") })
		backup := db.Clone(t)
		start(t, db, place, func(p *program) {
			list, err := p.store.View(t.Context()).ConversationsAfter(p.ws, chat.Filter{}, "", 10)
			require.NoError(t, err)
			require.NoError(t, p.remove(list[0].ID))
			require.NoError(t, p.ledger.Prune(t.Context()), "no retention is set")
		})
		later := func(o *ledger.Options) {
			o.Retention, o.Now = 48*time.Hour, func() time.Time { return time.Now().Add(72 * time.Hour) }
		}
		p := begin(t, db, place, later)
		require.NoError(t, p.ledger.Open(t.Context(), false))
		require.NoError(t, p.ledger.Once(t.Context()))
		status, err := p.ledger.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, status.Head.Last+1, status.Head.First, "the only record was removed")
		require.NoError(t, p.store.Close())
		start(t, db, place, func(p *program) { require.NoError(t, p.remove(p.add(p.ws, "c", "three"))) })

		p = begin(t, backup, place)
		err = p.ledger.Open(t.Context(), false)
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.Contains(t, fault.Message(err), "1 of the deletes")
		require.NoError(t, p.ledger.Open(t.Context(), true))
		require.NoError(t, p.ledger.Open(t.Context(), false))
		require.NoError(t, p.store.Close())
	})
}

// The ledger has no text and no id, neither in clear nor as the database's own hash of a platform's id.
func TestTheLedgerHasNoTextAndNoID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		place := filepath.Join(t.TempDir(), "ledger")
		start(t, db, place, func(p *program) {
			id := p.add(p.ws, "snarkfeld-external", "a quantumbadger", "second")
			turns, err := p.store.View(t.Context()).Transcript(p.ws, id)
			require.NoError(t, err)
			_, err = p.history.AsOperator(p.ws).DeleteMessages(t.Context(), history.MessagesDelete{Conversation: id, Messages: []chat.MessageID{turns.Turns[1].ID}})
			require.NoError(t, err)
			require.NoError(t, p.remove(id))
			content, err := os.ReadFile(place)
			require.NoError(t, err)
			require.Len(t, content, 68+2*20+2*25, "two frames with one record each")
			secrets := []string{"snarkfeld", "quantumbadger", "second", "custom"}
			for _, one := range []string{string(id), string(turns.Turns[0].ID), string(turns.Turns[1].ID)} {
				plain := strings.ReplaceAll(one, "-", "")
				raw := make([]byte, 0, 16)
				for i := 0; i < len(plain); i += 2 {
					raw = append(raw, unhex(plain[i])<<4|unhex(plain[i+1]))
				}
				secrets = append(secrets, one, plain, string(raw), string(raw[8:]))
			}
			for _, secret := range secrets {
				require.NotContains(t, strings.ToLower(string(content)), strings.ToLower(secret))
				require.NotContains(t, string(content), secret)
			}
		})
	})
}

func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
