package history_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// unexpired is a token of the right form, with a signature that is none.
const unexpired = "AAAAAP__________________________"

func (d *desk) propose(a history.Access, what history.ToConfirm) history.Proposal {
	d.T.Helper()
	before := d.Count()
	p, err := a.ProposeDelete(d.T.Context(), what)
	require.NoError(d.T, err)
	require.Equal(d.T, before, d.Count(), "a proposal deletes nothing")
	return p
}

// refuses requires that the token is not accepted and that nothing is deleted.
func (d *desk) refuses(a history.Access, what history.ToConfirm, token, why string) {
	d.T.Helper()
	before := d.Count()
	_, err := a.ConfirmDelete(d.T.Context(), what, token)
	require.True(d.T, fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid), "%s: %v", why, err)
	require.Equal(d.T, before, d.Count(), why)
}

func TestAConfirmedDeleteDeletesWhatWasProposed(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		one, two := d.Ingest(say("1", "one")).Conversation.ID, d.Ingest(say("2", "two")).Conversation.ID
		kept := d.Ingest(say("3", "three")).Conversation.ID
		a := d.as("k", auth.Read, auth.Write)
		what := history.ToConfirm{IDs: []chat.ConversationID{two, one, two, "nonsense"}}
		p := d.propose(a, what)
		require.Equal(t, 2, p.Conversations)
		require.ElementsMatch(t, []string{"About 1", "About 2"}, p.Titles)
		require.Equal(t, history.ConfirmationLife, p.Expires.Sub(now.Truncate(time.Second)))
		require.Equal(t, 3, d.Count())

		done, err := a.ConfirmDelete(t.Context(), history.ToConfirm{IDs: []chat.ConversationID{one, two}}, p.Token) // the order is no part of it
		require.NoError(t, err)
		require.ElementsMatch(t, []chat.ConversationID{one, two}, done.IDs)
		require.Equal(t, 2, done.Receipt.Conversations)
		require.Equal(t, "k", done.Receipt.KeyID)
		require.Equal(t, 1, d.Count())
		d.refuses(a, what, p.Token, "it was used")
		require.Empty(t, d.DB.Damage(t))

		p = d.propose(a, history.ToConfirm{IDs: []chat.ConversationID{one}})
		require.Zero(t, p.Conversations)
		require.Empty(t, p.Token, "there is nothing to confirm")
		require.Equal(t, 1, d.propose(a, history.ToConfirm{IDs: []chat.ConversationID{kept}}).Conversations)
	})
}

func TestAConfirmedDeleteByFilter(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		pinned, yes := d.Ingest(say("p", "pinned")).Conversation.ID, true
		d.Ingest(say("1", "one"))
		a := d.as("k", auth.Read, auth.Write)
		_, err := a.Edit(t.Context(), pinned, chat.Edit{Pinned: &yes})
		require.NoError(t, err)
		what := history.ToConfirm{Matching: &chat.MatchingDelete{Filter: chat.Filter{Platform: "custom"}}}
		p := d.propose(a, what)
		require.Equal(t, 1, p.Conversations)
		require.Equal(t, 1, p.Pinned, "it says how many are spared")
		d.Ingest(say("2", "two"))
		d.refuses(a, what, p.Token, "another one matches now")
		p = d.propose(a, what)
		done, err := a.ConfirmDelete(t.Context(), what, p.Token)
		require.NoError(t, err)
		require.Len(t, done.IDs, 2)
		require.Equal(t, 1, d.Count(), "the pinned one is spared")

		for why, wrong := range map[string]history.ToConfirm{
			"no ids": {}, "more ids than a delete may name": {IDs: make([]chat.ConversationID, history.MaxDelete+1)},
		} {
			_, err = a.ProposeDelete(t.Context(), wrong)
			require.True(t, fault.Is(err, fault.Invalid), "%s: %v", why, err)
			_, err = a.ConfirmDelete(t.Context(), wrong, unexpired)
			require.True(t, fault.Is(err, fault.Invalid), "%s: %v", why, err)
		}
		_, err = a.ProposeDelete(t.Context(), history.ToConfirm{Matching: &chat.MatchingDelete{}})
		require.True(t, fault.Is(err, fault.Invalid), "an empty filter is no wish to delete everything: %v", err)
	})
}

func TestATokenIsForOneDeleteOfOneKey(t *testing.T) {
	yes, title := true, "A new title"
	each(t, func(t *testing.T, d *desk) {
		a := d.as("k", auth.Read, auth.Write)
		one, two := d.Ingest(say("1", "one")).Conversation.ID, d.Ingest(say("2", "two")).Conversation.ID
		what := history.ToConfirm{IDs: []chat.ConversationID{one}}
		token := func() string { return d.propose(a, what).Token }

		d.refuses(a, history.ToConfirm{IDs: []chat.ConversationID{two}}, token(), "other ids")
		d.refuses(a, history.ToConfirm{IDs: []chat.ConversationID{one, two}}, token(), "more ids")
		d.refuses(a, history.ToConfirm{IDs: what.IDs, Exclude: true}, token(), "another option")
		d.refuses(d.as("other", auth.Read, auth.Write), what, token(), "another key")
		d.refuses(a, what, unexpired, "a signature that is none")
		d.refuses(a, what, strings.ToLower(token()), "a damaged token")
		for _, none := range []string{"", "yes", "true", strings.Repeat("A", 33), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			d.refuses(a, what, none, "no token")
		}
		for why, change := range map[string]func(){
			"a message was added": func() { d.Ingest(say("1", "one", "more")) },
			"it was renamed": func() {
				_, err := a.Edit(t.Context(), one, chat.Edit{Title: &title})
				require.NoError(t, err)
			},
			"it was pinned": func() {
				_, err := a.Edit(t.Context(), one, chat.Edit{Pinned: &yes})
				require.NoError(t, err)
			},
		} {
			before := token()
			change()
			d.refuses(a, what, before, why)
		}

		late := token()
		d.Passed += history.ConfirmationLife
		d.refuses(a, what, late, "it is expired")
		_, err := a.ConfirmDelete(t.Context(), what, late)
		require.ErrorContains(t, err, "expired")
		longer := []byte(late)
		longer[9]++ // a later expiry that nobody has signed
		d.refuses(a, what, string(longer), "it was given more time")
	})
}

// The same ids in another workspace are nobody's there, and a key that only reads deletes
// nothing with any token. Another program on the same database accepts the token.
func TestATokenIsForOneWorkspaceAndAnyProgram(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		a := d.as("k", auth.Read, auth.Write)
		one := d.Ingest(say("1", "one")).Conversation.ID
		what := history.ToConfirm{IDs: []chat.ConversationID{one}}
		p := d.propose(a, what)
		stranger, err := d.History.As(auth.NewPrincipal("k", d.AddWorkspace("other"), auth.Read, auth.Write))
		require.NoError(t, err)
		d.refuses(stranger, what, p.Token, "another workspace")
		require.Zero(t, d.propose(stranger, what).Conversations)
		_, err = d.as("k", auth.Read).ConfirmDelete(t.Context(), what, p.Token)
		require.True(t, history.IsScope(err), "%v", err)
		require.Equal(t, 1, d.Count())

		second := d.with(func(o *history.Options) { o.Store = d.DB.OpenAt(t, o.Now) })
		done, err := second.as("k", auth.Read, auth.Write).ConfirmDelete(t.Context(), what, p.Token)
		require.NoError(t, err)
		require.Equal(t, what.IDs, done.IDs)
	})
}

// A confirmed delete with the option exclude keeps the conversations away, and those who listen are
// told that something was deleted.
func TestAConfirmedDeleteExcludes(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		a := d.as("k", auth.Read, auth.Write)
		what := history.ToConfirm{IDs: []chat.ConversationID{d.Ingest(say("1", "one")).Conversation.ID}, Exclude: true}
		_, err := a.ConfirmDelete(t.Context(), what, d.propose(a, what).Token)
		require.NoError(t, err)
		_, err = a.Ingest(t.Context(), say("1", "one"))
		require.NoError(t, err)
		require.Zero(t, d.Count(), "an upload does not bring it back")
	})
}
