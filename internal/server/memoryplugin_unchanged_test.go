package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

const unchanged = "/api/chat-history/chats/delete-unchanged"

// The delete takes the revisions that an export wrote, and refuses conversations that
// have changed since.
func TestDeleteUnchangedFollowsAnExport(t *testing.T) {
	s := start(t, server.Options{})
	a, b := s.upload(t, "a", "one"), s.upload(t, "b", "two")
	_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: a, Title: new("Lisbon")})
	require.NoError(t, err)
	pinned := s.upload(t, "c", "three")
	_, err = s.Client.Edit(t.Context(), api.EditRequest{ConversationID: pinned, Pinned: new(true)})
	require.NoError(t, err)

	var plain, file strings.Builder
	require.NoError(t, s.Client.Export(t.Context(), client.ListOptions{}, &plain))
	require.NotContains(t, plain.String(), "revision", "without revisions=true the file has no revisions")
	exported, err := s.Client.ExportRevisions(t.Context(), client.ListOptions{}, true, &file)
	require.NoError(t, err)
	require.Equal(t, []string{a, b}, []string{exported[0].ID, exported[1].ID}, "without the pinned one")
	require.Len(t, exported, 2)
	refused := s.call(t, http.MethodGet, "/api/chat-history/export?pinnedOnly=true&excludePinned=true", "")
	require.Equal(t, http.StatusBadRequest, refused.status)

	s.upload(t, "a", "one, and more")
	_, err = s.Client.DeleteUnchanged(t.Context(), api.DeleteUnchangedRequest{Conversations: exported})
	var answer *client.Error
	require.ErrorAs(t, err, &answer)
	require.Equal(t, http.StatusConflict, answer.Status)
	require.Len(t, answer.Changed, 1)
	require.Equal(t, a, answer.Changed[0].ID)
	require.Equal(t, "Lisbon", *answer.Changed[0].Title)

	// A key without scope read does not get the title.
	writer := s.NewClient(t, s.NewKey(t, "default", auth.Write))
	_, err = writer.DeleteUnchanged(t.Context(), api.DeleteUnchangedRequest{Conversations: exported})
	require.ErrorAs(t, err, &answer)
	require.Equal(t, a, answer.Changed[0].ID)
	require.Nil(t, answer.Changed[0].Title)

	done, err := s.Client.DeleteUnchanged(t.Context(), api.DeleteUnchangedRequest{Conversations: exported[1:]})
	require.NoError(t, err)
	require.Equal(t, api.DeleteAnswer{Deleted: []string{b}, Count: 1}, done)
	back, err := s.Client.ImportFile(t.Context(), strings.NewReader(file.String()), true)
	require.NoError(t, err)
	require.Equal(t, 2, back.Conversations, "an import ignores the revisions")
}

func TestDeleteUnchangedRefusesWhatItDoesNotUnderstand(t *testing.T) {
	s := start(t, server.Options{})
	id := s.upload(t, "kept", "hello")
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"conversations":null}`, `{"conversations":[]}`, `{"conversations":["` + id + `"]}`,
		`{"conversations":[{"id":"` + id + `"}]}`, `{"conversations":[{"id":"` + id + `","revision":null}]}`,
		`{"conversations":[{"id":"` + id + `","revision":"1"}]}`, `{"conversations":[{"id":"` + id + `","revision":0.5}]}`,
		`{"ids":["` + id + `"]}`, `{"conversations":[{"id":"` + id + `","revision":1},{"id":"` + id + `","revision":2}]}`,
	} {
		answer := s.call(t, http.MethodPost, unchanged, body)
		require.Equal(t, http.StatusBadRequest, answer.status, body)
	}
	n, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// The largest allowed list fits in a body.
func TestDeleteUnchangedTakesAHundredThousand(t *testing.T) {
	s := start(t, server.Options{})
	id := s.upload(t, "a", "one")
	many := make([]api.ConversationRevision, 100_000)
	for i := range many {
		many[i] = api.ConversationRevision{ID: fmt.Sprintf("0197b3a0-2b1c-7d44-8a55-%012x", i), Revision: 1_000_000}
	}
	many[99_999] = api.ConversationRevision{ID: id, Revision: 1}
	done, err := s.Client.DeleteUnchanged(t.Context(), api.DeleteUnchangedRequest{Conversations: many})
	require.NoError(t, err)
	require.Equal(t, []string{id}, done.Deleted)
}
