package history_test

import (
	"context"
	"iter"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/search"
)

// asked is one operation, called as a caller would, and the scope that it needs.
type asked struct {
	scope   auth.Scope
	streams bool // it takes as long as the caller sends or receives
	ask     func(ctx context.Context, a history.Access) error
}

// whoMayWhat has every operation of Access by its name. TestEveryOperationIsGuarded fails if one is missing.
var whoMayWhat = map[string]asked{
	"Conversations": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Conversations(ctx, chat.ListQuery{})
		return err
	}},
	"Count": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error { _, err := a.Count(ctx); return err }},
	"Deletion": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Deletion(ctx, chat.DeletionID(chat.NewID()))
		return err
	}},
	"Deletions": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error { _, err := a.Deletions(ctx, 1, 1); return err }},
	"Everything": {scope: auth.Read, streams: true, ask: func(ctx context.Context, a history.Access) error {
		for _, err := range a.Everything(ctx) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	"Export": {scope: auth.Read, streams: true, ask: func(ctx context.Context, a history.Access) error {
		for _, err := range a.Export(ctx, chat.Filter{}) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	"ExportOne": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.ExportOne(ctx, chat.ConversationID(chat.NewID()))
		return err
	}},
	"Import": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Import(ctx, chat.NewID())
		return err
	}},
	"Imports": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error { _, err := a.Imports(ctx, 1, 1); return err }},
	"Recall": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Recall(ctx, recall.Query{Text: "ferry"})
		return err
	}},
	"Search": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Search(ctx, search.Query{Text: "ferry"})
		return err
	}},
	"Stats": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error { _, err := a.Stats(ctx); return err }},
	"Read": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Read(ctx, chat.ConversationID(chat.NewID()))
		return err
	}},
	"ReadPiece": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.ReadPiece(ctx, chat.ConversationID(chat.NewID()), history.Place{}, 1)
		return err
	}},
	"Summary": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Summary(ctx, chat.ConversationID(chat.NewID()))
		return err
	}},
	"Walk": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error { _, err := a.Walk(ctx, chat.WalkQuery{}); return err }},

	"Find": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Find(ctx, chat.ConversationID(chat.NewID()), []string{"ferry"})
		return err
	}},
	"Messages": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Messages(ctx, chat.ConversationID(chat.NewID()), 0, 1)
		return err
	}},
	"PreviewDelete": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.PreviewDelete(ctx, []chat.ConversationID{chat.ConversationID(chat.NewID())})
		return err
	}},
	"ProposeDelete": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.ProposeDelete(ctx, history.ToConfirm{IDs: []chat.ConversationID{chat.ConversationID(chat.NewID())}})
		return err
	}},
	"ConfirmDelete": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.ConfirmDelete(ctx, history.ToConfirm{IDs: []chat.ConversationID{chat.ConversationID(chat.NewID())}}, unexpired)
		return err
	}},
	"PreviewMatching": {scope: auth.Read, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.PreviewMatching(ctx, chat.MatchingDelete{All: true})
		return err
	}},

	"CreateKey": {scope: auth.Admin, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.CreateKey(ctx, "default", "made", []auth.Scope{auth.Read})
		return err
	}},
	"CreateWorkspace": {scope: auth.Admin, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.CreateWorkspace(ctx, chat.NewID())
		return err
	}},
	"Keys": {scope: auth.Admin, ask: func(ctx context.Context, a history.Access) error { _, err := a.Keys(ctx); return err }},
	"PageCode": {scope: auth.Admin, streams: true, ask: func(ctx context.Context, a history.Access) error { // it waits for nothing
		_, err := a.PageCode(ctx)
		return err
	}},
	"RevokeKey": {scope: auth.Admin, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.RevokeKey(ctx, chat.NewID())
		return err
	}},
	"Workspaces": {scope: auth.Admin, ask: func(ctx context.Context, a history.Access) error { _, err := a.Workspaces(ctx); return err }},

	"Watch": {scope: auth.Read, streams: true, ask: func(ctx context.Context, a history.Access) error {
		for _, err := range a.Watch(ctx, history.WatchQuery{}) {
			return err
		}
		return nil
	}},

	"AwaitReclaimed": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.AwaitReclaimed(ctx, chat.Deletion{ReclaimedAt: new(time.Time)})
		return err
	}, streams: true}, // reaching the time limit is not an error
	"BeginImport": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.BeginImport(ctx, history.NewImport{})
		return err
	}},
	"FeedImport": {scope: auth.Write, streams: true, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.FeedImport(ctx, chat.NewID(), 1, oneRead("fed"))
		return err
	}},
	"FinishImport": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.FinishImport(ctx, chat.NewID(), history.ImportReport{}, history.ImportEnd{State: chat.StateDone})
		return err
	}},
	"ReportImport": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.ReportImport(ctx, chat.NewID(), history.ImportReport{})
		return err
	}},
	"StartImport": {scope: auth.Write, streams: true, ask: func(ctx context.Context, a history.Access) error {
		i, err := a.StartImport(ctx, history.NewImport{})
		if err == nil {
			_, err = i.End(nil)
		}
		return err
	}},
	"StopImport": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.StopImport(ctx, chat.NewID())
		return err
	}},
	"DeleteBulk": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.DeleteBulk(ctx, history.BulkDelete{IDs: []chat.ConversationID{chat.ConversationID(chat.NewID())}})
		return err
	}},
	"DeleteConversations": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.DeleteConversations(ctx, []chat.ConversationID{chat.ConversationID(chat.NewID())}, chat.DeleteOptions{})
		return err
	}},
	"DeleteMatching": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, _, err := a.DeleteMatching(ctx, chat.MatchingDelete{Filter: chat.Filter{Platform: "nowhere"}})
		return err
	}},
	"DeleteMessages": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.DeleteMessages(ctx, history.MessagesDelete{Conversation: chat.ConversationID(chat.NewID()), Messages: []chat.MessageID{chat.MessageID(chat.NewID())}})
		return err
	}},
	"DeleteUnchanged": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.DeleteUnchanged(ctx, chat.UnchangedDelete{Seen: []chat.Seen{{ID: chat.ConversationID(chat.NewID()), Revision: 1}}})
		return err
	}},
	"Edit": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Edit(ctx, chat.ConversationID(chat.NewID()), chat.Edit{Pinned: new(bool)})
		return err
	}},
	"ImportBegun": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.ImportBegun(ctx, chat.NewID())
		return err
	}},
	"ImportFile": {scope: auth.Write, streams: true, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.ImportFile(ctx, oneRead("file"), false)
		return err
	}},
	"Ingest": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.Ingest(ctx, say("one", "hello"))
		return err
	}},
	"IngestAll": {scope: auth.Write, streams: true, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.IngestAll(ctx, []chat.Upload{say("all", "hello")}, history.Delivery{})
		return err
	}},
	"ReindexFailed": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.ReindexFailed(ctx)
		return err
	}},
	"LiftExclusions": {scope: auth.Write, ask: func(ctx context.Context, a history.Access) error {
		_, err := a.LiftExclusions(ctx, chat.Lift{IDs: []chat.ConversationID{chat.ConversationID(chat.NewID())}})
		return err
	}},
}

func oneRead(id string) iter.Seq[history.Read] {
	return func(yield func(history.Read) bool) { yield(history.Read{Line: 1, Upload: say(id, "hello")}) }
}

// notOperations are the methods of Access that are not operations.
var notOperations = []string{"May", "Rights", "SenderStyle", "WithIdempotencyKey"}

// This test finds every method of Access, also those added later: each must be in the table whoMayWhat and must
// refuse every other scope.
func TestEveryOperationIsGuarded(t *testing.T) {
	var operations []string
	access := reflect.TypeFor[history.Access]()
	for i := range access.NumMethod() {
		operations = append(operations, access.Method(i).Name)
	}
	for name := range whoMayWhat {
		require.Contains(t, operations, name, "it is in the table and no operation")
	}
	each(t, func(t *testing.T, d *desk) {
		for _, name := range operations {
			if slices.Contains(notOperations, name) {
				continue
			}
			op, known := whoMayWhat[name]
			require.True(t, known, "%s is a new operation: say in whoMayWhat which scope it needs", name)
			for _, has := range [][]auth.Scope{nil, {auth.Read}, {auth.Write}, {auth.Read, auth.Write}} {
				caller := d.as("k", has...)
				err := op.ask(t.Context(), caller)
				if may := caller.May(history.Operation(name)); slices.Contains(has, op.scope) {
					require.NoError(t, may, "%s with %v", name, has)
					require.False(t, fault.Is(err, fault.Forbidden), "%s with %v: %v", name, has, err)
				} else {
					require.True(t, fault.Is(may, fault.Forbidden), "%s with %v: %v", name, has, may)
					require.True(t, fault.Is(err, fault.Forbidden), "%s with %v: %v", name, has, err)
					require.True(t, history.IsScope(err), name)
				}
			}
			require.False(t, fault.Is(op.ask(t.Context(), d.History.AsOperator(d.WS)), fault.Forbidden), "%s by the operator", name)
		}
	})
}

// A method that is neither on Access nor on Administration is for the service itself, and no input of a caller
// reaches it.
func TestTheWaysIn(t *testing.T) {
	var ways []string
	in := reflect.TypeFor[*history.History]()
	for i := range in.NumMethod() {
		ways = append(ways, in.Method(i).Name)
	}
	require.Equal(t, []string{
		"Administer", "As", "AsOperator", "Authenticate", "AuthenticateLocal", "Close", "ExchangePageCode", "FlushKeyUsage", "ForgetEmptyImports", "HasKeys",
		"InterruptImports", "Patience", "Ready", "StopAbandonedImports",
	}, ways, "an operation that callers ask for is a method of Access, one of the operator's a method of Administration")
}

func TestOnlyTheOperatorAdministers(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for _, scopes := range [][]auth.Scope{nil, {auth.Read}, {auth.Write}, {auth.Read, auth.Write}} {
			_, err := d.History.Administer(auth.NewPrincipal(auth.OperatorKeyID, d.WS, scopes...))
			require.True(t, fault.Is(err, fault.Forbidden), "%v: %v", scopes, err)
		}
		_, err := d.operator().Workspaces(t.Context())
		require.NoError(t, err)
	})
}

// Each operation ends at its time limit, whichever transport calls it.
func TestEveryOperationHasItsTime(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d = d.with(func(o *history.Options) { o.Patience = time.Nanosecond })
		for name, op := range whoMayWhat {
			patience := d.History.Patience(history.Operation(name))
			err := op.ask(t.Context(), d.History.AsOperator(d.WS))
			if op.streams {
				require.False(t, fault.Is(err, fault.Canceled), "%s: %v", name, err)
				continue
			}
			require.Positive(t, patience, name)
			require.True(t, fault.Is(err, fault.Canceled), "%s: %v", name, err)
		}
	})
	h := history.New(history.Options{})
	for name := range whoMayWhat {
		op := history.Operation(name)
		switch op {
		case history.OpConfirmDelete, history.OpDeleteConversations, history.OpDeleteMatching, history.OpDeleteMessages, history.OpDeleteUnchanged, history.OpDeleteBulk:
			require.Equal(t, 5*time.Minute, h.Patience(op), name)
		case history.OpEverything, history.OpExport, history.OpFeedImport, history.OpImportFile, history.OpIngestAll, history.OpStartImport, history.OpWatch:
			require.Zero(t, h.Patience(op), name)
		case history.OpAwaitReclaimed:
			require.Equal(t, 15*time.Second, h.Patience(op), name)
		default:
			require.Equal(t, history.DefaultPatience, h.Patience(op), name)
		}
	}
}

// The rate limit belongs to the key and is checked at the front door, for one request after the other, whatever they
// ask. The operator has no limit.
func TestTheRateIsKeptAtTheFrontDoor(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		clock := d
		d = d.with(func(o *history.Options) { o.RatePerSecond, o.Burst = 0.1, 2 })
		one, other := auth.NewPrincipal("one", d.WS), auth.NewPrincipal("other", d.WS)
		for range 2 {
			_, err := d.History.As(one)
			require.NoError(t, err)
		}
		for range 2 { // a refused request does not delay the next allowed one
			_, err := d.History.As(one)
			require.True(t, fault.Is(err, fault.RateLimited), "%v", err)
			require.Equal(t, 10*time.Second, fault.RetryAfter(err))
		}
		_, err := d.History.As(other)
		require.NoError(t, err)
		for range 5 {
			_, err := d.History.As(auth.Operator(d.WS))
			require.NoError(t, err)
		}
		clock.Passed += 10 * time.Second
		_, err = d.History.As(one)
		require.NoError(t, err)
	})
}

// A key with only the scope write learns no stored title: not from an upload that changes nothing, not from pinning,
// not from asking which titles would match.
func TestAWriteOnlyKeyLearnsNoTitle(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		const secret = "Divorce lawyer"
		ctx := t.Context()
		stored := say("a", "hello", "hi")
		stored.Title = secret
		id := d.Ingest(stored).Conversation.ID
		writer, both := d.as("w", auth.Write), d.as("b", auth.Read, auth.Write)

		again := say("a", "hello", "hi")
		again.Title = ""
		done, err := writer.Ingest(ctx, again)
		require.NoError(t, err)
		require.Equal(t, id, done.Conversation.ID)
		require.Equal(t, "hello", done.Conversation.Title, "what its own messages say")
		done, err = both.Ingest(ctx, again)
		require.NoError(t, err)
		require.Equal(t, secret, done.Conversation.Title)
		all, err := writer.IngestAll(ctx, []chat.Upload{again}, history.Delivery{})
		require.NoError(t, err)
		require.Equal(t, "hello", all.Conversations[0].Title)

		pinned := true
		c, err := writer.Edit(ctx, id, chat.Edit{Pinned: &pinned})
		require.NoError(t, err)
		require.Empty(t, c.Title)
		c, err = both.Edit(ctx, id, chat.Edit{Pinned: &pinned})
		require.NoError(t, err)
		require.Equal(t, secret, c.Title)
		renamed := " My own  words "
		c, err = writer.Edit(ctx, id, chat.Edit{Title: &renamed})
		require.NoError(t, err)
		require.Equal(t, "My own words", c.Title)

		for name, m := range map[string]chat.MatchingDelete{
			"a dry run":                  {Filter: chat.Filter{Platform: "custom"}, DryRun: true},
			"a title":                    {Filter: chat.Filter{Title: "nowhere"}},
			"a dry run by title":         {Filter: chat.Filter{Title: "own"}, DryRun: true},
			"a title and another filter": {Filter: chat.Filter{Title: "nowhere", Platform: "custom"}},
		} {
			_, _, err := writer.DeleteMatching(ctx, m)
			require.True(t, fault.Is(err, fault.Forbidden) && history.IsScope(err), "%s: %v", name, err)
			_, _, err = both.DeleteMatching(ctx, m)
			require.NoError(t, err, name)
		}
		_, err = writer.DeleteUnchanged(ctx, chat.UnchangedDelete{Seen: []chat.Seen{{ID: id, Revision: 1000}}})
		var changed *chat.ChangedError
		require.ErrorAs(t, err, &changed)
		require.Equal(t, []chat.Conversation{{ID: id}}, changed.Changed)
		none := 0
		_, _, err = writer.DeleteMatching(ctx, chat.MatchingDelete{Filter: chat.Filter{Platform: "custom"}, Expected: &none, IncludePinned: true})
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.NotRegexp(t, `\d`, fault.Message(err), "not how many there are")
		require.Equal(t, 1, d.Count())
		n, _, err := writer.DeleteMatching(ctx, chat.MatchingDelete{Filter: chat.Filter{Platform: "custom"}, IncludePinned: true})
		require.NoError(t, err)
		require.Equal(t, 1, n, "it may delete what it may not read")
	})
}

// The receipt names the key of the caller, whatever the request says.
func TestReceiptsNameWhoAsked(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.Ingest(say("a", "hello")).Conversation.ID
		gone, err := d.as("mine", auth.Write).DeleteConversations(t.Context(), []chat.ConversationID{id}, chat.DeleteOptions{KeyID: "somebody else's"})
		require.NoError(t, err)
		receipt, err := d.as("mine", auth.Read).Deletion(t.Context(), gone.Receipt.ID)
		require.NoError(t, err)
		require.Equal(t, "mine", receipt.KeyID)
	})
}
