package history_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// forget deletes the messages of a conversation with these texts.
func (d *desk) forget(id chat.ConversationID, texts ...string) history.DeletedMessages {
	d.T.Helper()
	m := history.MessagesDelete{Conversation: id}
	for _, turn := range d.Transcript(id).Turns {
		if slices.Contains(texts, turn.Text) {
			m.Messages = append(m.Messages, turn.ID)
		}
	}
	done, err := d.History.AsOperator(d.WS).DeleteMessages(d.T.Context(), m)
	require.NoError(d.T, err)
	require.Len(d.T, done.IDs, len(m.Messages))
	return done
}

func (d *desk) wholeTexts(id chat.ConversationID) (texts []string) {
	d.T.Helper()
	for i, m := range d.Transcript(id).Turns {
		require.Equal(d.T, i, m.Position)
		texts = append(texts, m.Text)
	}
	return texts
}

// named gives the messages ids of their own.
func named(u chat.Upload) chat.Upload {
	u.Messages = slices.Clone(u.Messages)
	for i := range u.Messages {
		u.Messages[i].ExternalID = fmt.Sprint("m", i)
	}
	return u
}

// from is the part of an upload that begins at a position.
func from(u chat.Upload, position int) chat.Upload {
	u.From, u.Messages = &position, u.Messages[position:]
	return u
}

// tail is the end of an upload, which does not say where it begins.
func tail(u chat.Upload, n int) chat.Upload {
	u.Messages = u.Messages[len(u.Messages)-n:]
	return u
}

const secret = "the pass phrase is caf\u00e9 correct horse"

func TestAForgottenMessageDoesNotComeBack(t *testing.T) {
	texts := []string{"where is the key", "under the pot", secret, "noted", "and the boiler?", "in the cellar"}
	rest := []string{"where is the key", "under the pot", "noted", "and the boiler?", "in the cellar"}
	more := append(slices.Clone(texts), "thanks", "welcome")
	long := strings.Repeat("long ", 1<<20) // so long that texts are compared abridged
	for name, c := range map[string]struct {
		stored, sent chat.Upload
		want         []string
	}{
		"sent again":              {say("x", texts...), say("x", texts...), rest},
		"with ids":                {named(say("x", texts...)), named(say("x", texts...)), rest},
		"ids come later":          {say("x", texts...), named(say("x", texts...)), rest},
		"ids are missing":         {named(say("x", texts...)), say("x", texts...), rest},
		"the text was edited":     {named(say("x", texts...)), named(say("x", texts[0], texts[1], "another secret", texts[3])), rest},
		"grown":                   {say("x", texts...), say("x", more...), append(slices.Clone(rest), "thanks", "welcome")},
		"only the tail":           {say("x", texts...), tail(say("x", more...), 6), append(slices.Clone(rest), "thanks", "welcome")},
		"only the message":        {say("x", texts...), from(say("x", texts[:3]...), 2), rest},
		"a part from a position":  {say("x", texts...), from(say("x", more...), 4), append(slices.Clone(rest), "thanks", "welcome")},
		"a part with the message": {say("x", texts...), from(say("x", more...), 1), append(slices.Clone(rest), "thanks", "welcome")},
		"white space and accents": {say("x", texts...), say("x", texts[0], texts[1], "  the pass\nphrase is cafe\u0301   correct horse ", texts[3]), rest},
		"another place":           {say("x", texts...), say("x", secret, texts[1], texts[0], texts[3]), rest},
		"beside an edit":          {say("x", texts...), say("x", texts[0], texts[1], secret, "noted!", texts[4], texts[5]), []string{texts[0], texts[1], "noted!", texts[4], texts[5]}},
		"in a long conversation":  {say("x", append([]string{long}, texts[1:]...)...), say("x", append([]string{long}, more[1:]...)...), append(append([]string{long}, rest[1:]...), "thanks", "welcome")},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				id := d.Ingest(c.stored).Conversation.ID
				d.forget(id, secret)
				for range 2 {
					require.Equal(t, id, d.Ingest(c.sent).Conversation.ID)
					require.Equal(t, c.want, d.wholeTexts(id))
				}
				c.sent.Title = secret
				d.Ingest(c.sent)
				require.NotContains(t, d.Transcript(id).Title, "correct", "nor in the title")
				_, err := d.History.AsOperator(d.WS).ImportFile(t.Context(), fileOf(c.sent), true)
				require.NoError(t, err)
				require.Equal(t, c.want, d.wholeTexts(id))
				require.Empty(t, d.DB.Mentions(t, "correct horse"))
				require.Empty(t, d.DB.Damage(t))
			})
		})
	}
}

// People repeat themselves: the other messages with the same words stay, and stay where they
// are.
func TestOneOfSeveralEqualMessagesIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		texts := []string{"go on", "one", "go on", "two", "go on", "three"}
		id := d.Ingest(say("x", texts...)).Conversation.ID
		turns := d.Transcript(id).Turns
		_, err := d.History.AsOperator(d.WS).DeleteMessages(t.Context(), history.MessagesDelete{Conversation: id, Messages: []chat.MessageID{turns[2].ID}})
		require.NoError(t, err)
		want := []string{"go on", "one", "two", "go on", "three"}
		for _, sent := range []chat.Upload{say("x", texts...), from(say("x", texts...), 0), from(say("x", texts...), 3), tail(say("x", texts...), 2)} {
			d.Ingest(sent)
			require.Equal(t, want, d.wholeTexts(id))
		}
		d.Ingest(say("x", append(texts, "and?", "four")...))
		require.Equal(t, append(want, "and?", "four"), d.wholeTexts(id))
		require.Empty(t, d.DB.Damage(t))
	})
}

// A part says a position of its source, which is further on than in the store.
func TestPartsAfterForgottenMessages(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		texts := make([]string, 40)
		for i := range texts {
			texts[i] = fmt.Sprint("text ", i/4) // each four times
		}
		id := d.Ingest(say("x", texts...)).Conversation.ID
		turns := d.Transcript(id).Turns
		_, err := d.History.AsOperator(d.WS).DeleteMessages(t.Context(), history.MessagesDelete{Conversation: id, Messages: []chat.MessageID{turns[5].ID, turns[22].ID}})
		require.NoError(t, err)
		want := slices.Concat(texts[:5], texts[6:22], texts[23:])
		require.Equal(t, want, d.wholeTexts(id))
		for _, at := range []int{0, 10, 20, 30, 39} {
			d.Ingest(from(say("x", texts...), at))
			require.Equal(t, want, d.wholeTexts(id), "from %d", at)
		}
		d.Ingest(from(say("x", append(texts, "new")...), 40))
		require.Equal(t, append(want, "new"), d.wholeTexts(id))
		require.Empty(t, d.DB.Damage(t))
	})
}

func TestForgettingTheFirstMessageForgetsTheTitle(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		u := say("x", secret, "noted", "and the boiler?")
		u.Title = ""
		id := d.Ingest(u).Conversation.ID
		require.Contains(t, d.Transcript(id).Title, "correct")
		d.forget(id, secret)
		require.Equal(t, "and the boiler?", d.Transcript(id).Title)
		for _, title := range []string{"", secret, "The pass phrase is café…", secret[:30]} {
			u.Title = title
			d.Ingest(u)
			require.Equal(t, "and the boiler?", d.Transcript(id).Title, title)
			d.Ingest(chat.Upload{Platform: u.Platform, ExternalID: "x", Title: secret, Messages: u.Messages[1:]}) // the old title alone
			require.Equal(t, "and the boiler?", d.Transcript(id).Title)
		}
		require.Empty(t, d.DB.Mentions(t, "correct horse"))
		u.Title = "A boiler"
		d.Ingest(u)
		require.Equal(t, "A boiler", d.Transcript(id).Title)
	})
}

func TestAForgottenMessageStaysForgottenWhenItsConversationIsDeletedAndSentAgain(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		u := say("x", "where is the key", "under the pot", secret)
		id := d.Ingest(u).Conversation.ID
		d.forget(id, secret)
		_, err := d.History.AsOperator(d.WS).DeleteConversations(t.Context(), []chat.ConversationID{id}, chat.DeleteOptions{})
		require.NoError(t, err)
		again := d.Ingest(u).Conversation
		require.NotEqual(t, id, again.ID)
		require.Equal(t, []string{"where is the key", "under the pot"}, d.wholeTexts(again.ID))

		d.forget(again.ID, "where is the key", "under the pot")
		require.Zero(t, d.Count(), "with its last message it is deleted")
		none := d.Ingest(u).Conversation
		require.Equal(t, chat.LeftDeleted, none.IndexState)
		require.Empty(t, none.ID)
		delivered, err := d.History.AsOperator(d.WS).IngestAll(t.Context(), []chat.Upload{u, say("y", "other")}, history.Delivery{})
		require.NoError(t, err)
		require.Equal(t, chat.LeftDeleted, delivered.Conversations[0].IndexState)
		require.Equal(t, 1, d.Count())

		u.Messages = append(u.Messages, say("x", "", "and now?").Messages[1])
		grown := d.Ingest(u).Conversation
		require.Equal(t, []string{"and now?"}, d.wholeTexts(grown.ID), "what is new is stored")
		require.Empty(t, d.DB.Damage(t))
	})
}

func TestALiftLetsForgottenMessagesIn(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		u := say("x", "where is the key", "under the pot", secret)
		id := d.Ingest(u).Conversation.ID
		lift := func(ws chat.WorkspaceID, l chat.Lift) chat.Lifted {
			lifted, err := d.History.AsOperator(ws).LiftExclusions(t.Context(), l)
			require.NoError(t, err)
			return lifted
		}
		for _, l := range []chat.Lift{{IDs: []chat.ConversationID{id}}, {ExternalIDs: []string{"x"}}} {
			d.forget(id, secret)
			require.Zero(t, lift(d.AddWorkspace("w"+fmt.Sprint(len(l.IDs))), l))
			require.Zero(t, lift(d.WS, chat.Lift{ExternalIDs: []string{"x"}, Platform: "elsewhere"}))
			d.Ingest(u)
			require.Len(t, d.wholeTexts(id), 2)
			require.Equal(t, chat.Lifted{Messages: 1}, lift(d.WS, l))
			require.Len(t, d.wholeTexts(id), 2, "a lift restores nothing")
			d.Ingest(u)
			require.Contains(t, d.wholeTexts(id), secret)
		}
		file := func() {
			_, err := d.History.AsOperator(d.WS).ImportFile(t.Context(), fileOf(u), false)
			require.NoError(t, err)
		}
		file()
		d.forget(id, secret)
		file()
		file()
		require.NotContains(t, d.wholeTexts(id), secret)
		lift(d.WS, chat.Lift{IDs: []chat.ConversationID{id}})
		file()
		require.Contains(t, d.wholeTexts(id), secret, "also from a file that was imported before")
		d.forget(id, secret)
		_, err := d.History.AsOperator(d.WS).DeleteConversations(t.Context(), []chat.ConversationID{id}, chat.DeleteOptions{Exclude: true})
		require.NoError(t, err)
		require.Equal(t, chat.Lifted{Conversations: 1, Messages: 1}, lift(d.WS, chat.Lift{IDs: []chat.ConversationID{id}}), "by its former id")
	})
}

func TestDeletingMessagesIsRefused(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.Ingest(say("x", "one", "two")).Conversation.ID
		messages := []chat.MessageID{d.Transcript(id).Turns[0].ID}
		foreign, err := d.History.As(auth.NewPrincipal("k", d.AddWorkspace("other"), auth.Read, auth.Write))
		require.NoError(t, err)
		for name, c := range map[string]struct {
			access history.Access
			m      history.MessagesDelete
			want   fault.Kind
		}{
			"no message":            {d.as("k", auth.Write), history.MessagesDelete{Conversation: id}, fault.Invalid},
			"too many":              {d.as("k", auth.Write), history.MessagesDelete{Conversation: id, Messages: make([]chat.MessageID, 1001)}, fault.Invalid},
			"no conversation":       {d.as("k", auth.Write), history.MessagesDelete{Messages: messages}, fault.NotFound},
			"unknown conversation":  {d.as("k", auth.Write), history.MessagesDelete{Conversation: chat.ConversationID(chat.NewID()), Messages: messages}, fault.NotFound},
			"of another workspace":  {foreign, history.MessagesDelete{Conversation: id, Messages: messages}, fault.NotFound},
			"foreign dry run":       {foreign, history.MessagesDelete{Conversation: id, Messages: messages, DryRun: true}, fault.NotFound},
			"only read":             {d.as("k", auth.Read), history.MessagesDelete{Conversation: id, Messages: messages}, fault.Forbidden},
			"dry run without read":  {d.as("k", auth.Write), history.MessagesDelete{Conversation: id, Messages: messages, DryRun: true}, fault.Forbidden},
			"dry run without write": {d.as("k", auth.Read), history.MessagesDelete{Conversation: id, Messages: messages, DryRun: true}, fault.Forbidden},
		} {
			_, err := c.access.DeleteMessages(t.Context(), c.m)
			require.True(t, fault.Is(err, c.want), "%s: %v", name, err)
		}
		done, err := d.as("k", auth.Write, auth.Read).DeleteMessages(t.Context(), history.MessagesDelete{Conversation: id, Messages: append(messages, messages[0], "nonsense"), DryRun: true})
		require.NoError(t, err)
		require.Equal(t, chat.MessagesPreview{Messages: 1}, done.Preview)
		require.Empty(t, done.IDs)
		require.Len(t, d.wholeTexts(id), 2)
	})
}

// Uploads of a conversation and deletes of its messages at the same time: what was deleted
// never comes back, and nothing has to be broken off.
func TestUploadsAndDeletesOfMessages(t *testing.T) {
	const people, rounds = 6, 25
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		h, ws, settle := crowd(t, db)
		texts := make([]string, 2*people*rounds)
		for i := range texts {
			texts[i] = fmt.Sprintf("message %d of all", i)
		}
		access := h.AsOperator(ws)
		first, err := access.Ingest(t.Context(), say("x", texts...))
		require.NoError(t, err)
		ids := messageIDs(t, access, first.Conversation.ID)
		failures := make(chan error, 2*people*rounds)
		var all sync.WaitGroup
		for person := range people {
			all.Go(func() {
				for round := range rounds {
					doomed := ids[2*(person*rounds+round)]
					if _, err := access.DeleteMessages(t.Context(), history.MessagesDelete{Conversation: first.Conversation.ID, Messages: []chat.MessageID{doomed}}); err != nil {
						failures <- err
					}
					if _, err := access.Ingest(t.Context(), say("x", texts...)); err != nil {
						failures <- err
					}
				}
			})
		}
		all.Wait()
		left := messageIDs(t, access, first.Conversation.ID)
		require.Len(t, left, people*rounds)
		for i, id := range left {
			require.Equal(t, ids[2*i+1], id)
		}
		settle(failures)
	})
}

func messageIDs(t *testing.T, a history.Access, id chat.ConversationID) (ids []chat.MessageID) {
	t.Helper()
	page, err := a.Messages(t.Context(), id, 0, history.MaxMessages)
	require.NoError(t, err)
	for _, m := range page.Items {
		ids = append(ids, m.ID)
	}
	return ids
}
