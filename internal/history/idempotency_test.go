package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// once returns the access of a key that may read and write, with an idempotency key.
func (d *desk) once(keyID, idempotencyKey string) history.Access {
	d.T.Helper()
	access, err := d.as(keyID, auth.Read, auth.Write).WithIdempotencyKey(idempotencyKey)
	require.NoError(d.T, err)
	return access
}

// stored uploads conversations and returns their ids.
func (d *desk) stored(names ...string) (ids []chat.ConversationID) {
	d.T.Helper()
	for _, name := range names {
		ids = append(ids, d.Ingest(say(name, "one", "two")).Conversation.ID)
	}
	return ids
}

func (d *desk) count() int {
	d.T.Helper()
	n, err := d.Access().Count(d.T.Context())
	require.NoError(d.T, err)
	return n
}

// Each delete is sent twice with its key.
func TestADeleteThatIsSentAgainGetsItsAnswerAgain(t *testing.T) {
	for name, remove := range map[string]func(d *desk, a history.Access, ids []chat.ConversationID, messages []chat.MessageID) (any, error){
		"conversations": func(d *desk, a history.Access, ids []chat.ConversationID, _ []chat.MessageID) (any, error) {
			return a.DeleteConversations(d.T.Context(), append(ids, "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"), chat.DeleteOptions{})
		},
		"bulk": func(d *desk, a history.Access, ids []chat.ConversationID, _ []chat.MessageID) (any, error) {
			return a.DeleteBulk(d.T.Context(), history.BulkDelete{IDs: append(ids, "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10")})
		},
		"bulk, all or none": func(d *desk, a history.Access, ids []chat.ConversationID, _ []chat.MessageID) (any, error) {
			return a.DeleteBulk(d.T.Context(), history.BulkDelete{IDs: ids, Atomic: true})
		},
		"unchanged": func(d *desk, a history.Access, ids []chat.ConversationID, _ []chat.MessageID) (any, error) {
			return a.DeleteUnchanged(d.T.Context(), chat.UnchangedDelete{Seen: []chat.Seen{{ID: ids[1], Revision: 1}, {ID: ids[0], Revision: 1}}})
		},
		"messages": func(d *desk, a history.Access, ids []chat.ConversationID, messages []chat.MessageID) (any, error) {
			return a.DeleteMessages(d.T.Context(), history.MessagesDelete{Conversation: ids[0], Messages: messages[:1]})
		},
		"all messages": func(d *desk, a history.Access, ids []chat.ConversationID, messages []chat.MessageID) (any, error) {
			return a.DeleteMessages(d.T.Context(), history.MessagesDelete{Conversation: ids[0], Messages: messages})
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				ids := d.stored("a", "b")
				var messages []chat.MessageID
				page, err := d.Access().Messages(t.Context(), ids[0], 0, 10)
				require.NoError(t, err)
				for _, m := range page.Items {
					messages = append(messages, m.ID)
				}
				first, err := remove(d, d.once("k", "1"), slices.Clone(ids), messages)
				require.NoError(t, err)
				after := d.receipts()
				again, err := remove(d, d.once("k", "1"), slices.Clone(ids), messages)
				require.NoError(t, err)
				require.Equal(t, first, again)
				require.Equal(t, after, d.receipts(), "nothing more was deleted")
			})
		})
	}
}

// A delete by filter answers again with the count and the receipt, and does not delete what matches only now.
func TestADeleteByFilterThatIsSentAgain(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.stored("a", "b")
		all := chat.MatchingDelete{All: true}
		n, first, err := d.once("k", "1").DeleteMatching(t.Context(), all)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Len(t, first.IDs, 2)
		kept := d.stored("c")
		n, again, err := d.once("k", "1").DeleteMatching(t.Context(), all)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Equal(t, first.Receipt, again.Receipt)
		require.Empty(t, again.IDs)
		require.NotNil(t, again.IDs)
		_, err = d.Access().Read(t.Context(), kept[0])
		require.NoError(t, err)

		// A delete of nothing is remembered, too.
		nothing := chat.MatchingDelete{Filter: chat.Filter{Platform: "later"}}
		_, _, err = d.once("k", "2").DeleteMatching(t.Context(), nothing)
		require.NoError(t, err)
		later := say("d", "one")
		later.Platform = "later"
		d.Ingest(later)
		n, _, err = d.once("k", "2").DeleteMatching(t.Context(), nothing)
		require.NoError(t, err)
		require.Zero(t, n)

		// A dry run uses no key.
		_, _, err = d.once("k", "3").DeleteMatching(t.Context(), chat.MatchingDelete{All: true, DryRun: true})
		require.NoError(t, err)
		n, _, err = d.once("k", "3").DeleteMatching(t.Context(), all)
		require.NoError(t, err)
		require.Equal(t, 2, n)
	})
}

// An upload that is sent again gets its answer, does not undo what was changed since, and does not store a
// conversation that was deleted since.
func TestAnUploadThatIsSentAgain(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		first, err := d.once("k", "1").Ingest(t.Context(), say("a", "one", "two"))
		require.NoError(t, err)
		again, err := d.once("k", "1").Ingest(t.Context(), say("a", "one", "two"))
		require.NoError(t, err)
		require.Equal(t, first, again)

		title := "renamed"
		_, err = d.Access().Edit(t.Context(), first.Conversation.ID, chat.Edit{Title: &title})
		require.NoError(t, err)
		again, err = d.once("k", "1").Ingest(t.Context(), say("a", "one", "two"))
		require.NoError(t, err)
		require.Equal(t, title, again.Conversation.Title)
		require.Equal(t, first.ImportID, again.ImportID)

		_, err = d.Access().DeleteConversations(t.Context(), []chat.ConversationID{first.Conversation.ID}, chat.DeleteOptions{})
		require.NoError(t, err)
		again, err = d.once("k", "1").Ingest(t.Context(), say("a", "one", "two"))
		require.NoError(t, err)
		require.Equal(t, chat.LeftDeleted, again.Conversation.IndexState)
		require.Empty(t, again.Conversation.ID)
		require.Empty(t, again.ImportID)
		n, err := d.Access().Count(t.Context())
		require.NoError(t, err)
		require.Zero(t, n, "the deleted conversation did not come back")
		again, err = d.once("k", "2").Ingest(t.Context(), say("a", "one", "two"))
		require.NoError(t, err)
		require.NotEmpty(t, again.Conversation.ID, "another key is another wish")
	})
}

// An upload that was refused is tried again.
func TestARefusedUploadUsesNoKey(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		ids := d.stored("a")
		_, err := d.Access().DeleteConversations(t.Context(), ids, chat.DeleteOptions{Exclude: true})
		require.NoError(t, err)
		refused, err := d.once("k", "1").Ingest(t.Context(), say("a", "one"))
		require.NoError(t, err)
		require.Equal(t, chat.Excluded, refused.Conversation.IndexState)
		_, err = d.Access().LiftExclusions(t.Context(), chat.Lift{IDs: ids})
		require.NoError(t, err)
		stored, err := d.once("k", "1").Ingest(t.Context(), say("a", "one"))
		require.NoError(t, err)
		require.NotEmpty(t, stored.Conversation.ID)
	})
}

// A key belongs to one request of one API key in one workspace.
func TestAKeyIsForOneRequest(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		ids := d.stored("a", "b", "c")
		remove := func(a history.Access, o chat.DeleteOptions, ids ...chat.ConversationID) error {
			_, err := a.DeleteConversations(t.Context(), ids, o)
			return err
		}
		require.NoError(t, remove(d.once("k", "1"), chat.DeleteOptions{}, ids[0]))
		for name, err := range map[string]error{
			"other ids":     remove(d.once("k", "1"), chat.DeleteOptions{}, ids[1]),
			"other options": remove(d.once("k", "1"), chat.DeleteOptions{Exclude: true}, ids[0]),
			"another operation": func() error {
				_, _, err := d.once("k", "1").DeleteMatching(t.Context(), chat.MatchingDelete{All: true})
				return err
			}(),
			"an upload": func() error { _, err := d.once("k", "1").Ingest(t.Context(), say("d", "one")); return err }(),
		} {
			require.True(t, fault.Is(err, fault.Mismatch), "%s: %v", name, err)
		}
		require.Equal(t, 2, d.count(), "nothing else was deleted or stored")
		require.NoError(t, remove(d.once("other", "1"), chat.DeleteOptions{}, ids[1]))
		require.Equal(t, 1, d.count(), "another API key has keys of its own")
		require.True(t, fault.Is(remove(d.once("k", "2"), chat.DeleteOptions{}), fault.Invalid))
		require.NoError(t, remove(d.once("k", "2"), chat.DeleteOptions{}, ids[2]), "a request that fails uses no key")
	})
}

// While a request runs, another one with its key is refused.
func TestARequestWhileTheFirstRuns(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		ids := d.stored("a")
		end, err := history.BeginKeyed(d.History, d.WS, "k", "1")
		require.NoError(t, err)
		_, err = d.once("k", "1").DeleteConversations(t.Context(), ids, chat.DeleteOptions{})
		require.True(t, fault.Is(err, fault.Conflict), err)
		require.Positive(t, fault.RetryAfter(err))
		_, err = d.once("k", "1").Ingest(t.Context(), say("b", "one"))
		require.True(t, fault.Is(err, fault.Conflict), err)
		require.Equal(t, 1, d.count())
		end()
		_, err = d.once("k", "1").DeleteConversations(t.Context(), ids, chat.DeleteOptions{})
		require.NoError(t, err)
		require.Zero(t, d.count())
	})
}

// Many requests at once with one key delete once, and get the answer or a Conflict.
func TestManyRequestsWithOneKey(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		other := d.with(func(*history.Options) {}) // as another program on the database
		ids := d.stored("a")
		errs := make(chan error)
		for i := range 16 {
			a := []*desk{d, other}[i%2].once("k", "1")
			go func() {
				done, err := a.DeleteConversations(t.Context(), ids, chat.DeleteOptions{})
				if err == nil && !slices.Equal(done.IDs, ids) {
					err = fmt.Errorf("answered %v", done.IDs)
				}
				errs <- err
			}()
		}
		answered := 0
		for range 16 {
			if err := <-errs; !fault.Is(err, fault.Conflict) {
				require.NoError(t, err)
				answered++
			}
		}
		require.Positive(t, answered)
		require.Equal(t, 1, d.receipts())
	})
}

func TestWhatIsAnIdempotencyKey(t *testing.T) {
	h := history.New(history.Options{})
	for _, good := range []string{"a", "8e03978e-40d5-43e8-bc93-6894a57f9324", `"8e03978e-40d5-43e8-bc93-6894a57f9324"`, "two words", strings.Repeat("k", 255)} {
		_, err := h.AsOperator(1).WithIdempotencyKey(good)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{"", `""`, "ü", "a\x00b", "a\tb", strings.Repeat("k", 256)} {
		_, err := h.AsOperator(1).WithIdempotencyKey(bad)
		require.True(t, fault.Is(err, fault.Invalid), bad)
	}
}

// With and without quotation marks it is the same key.
func TestTheQuotationMarksOfAKeyDoNotCount(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		ids := d.stored("a")
		first, err := d.once("k", `"1"`).DeleteConversations(t.Context(), ids, chat.DeleteOptions{})
		require.NoError(t, err)
		again, err := d.once("k", "1").DeleteConversations(t.Context(), ids, chat.DeleteOptions{})
		require.NoError(t, err)
		require.Equal(t, first, again)
	})
}
