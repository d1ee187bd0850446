package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// What a workspace has is, for another, exactly like what nobody has: the answers
// are the same byte by byte, but for how long they took, and nothing changes.
func TestWorkspacesCannotTellThatOthersExist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		_, token := s.NewKey(t, "strangers", auth.Read, auth.Write)
		stranger := s.With(t, token)
		ask := func(method, path, body string) string {
			answer := send(t, s, method, path, body, "Authorization", "Bearer "+token)
			return fmt.Sprint(answer.status, " ", timeless(t, answer.body))
		}
		paths := map[string]func(id, importID, word string) (method, path, body string){
			"get": func(id, _, _ string) (string, string, string) {
				return "GET", "/api/chat-history/conversation?conversationId=" + id, ""
			},
			"rename": func(id, _, _ string) (string, string, string) {
				return "PATCH", "/api/chat-history/conversation", `{"conversationId":"` + id + `","title":"Mine now"}`
			},
			"pin": func(id, _, _ string) (string, string, string) {
				return "PATCH", "/api/chat-history/conversation", `{"conversationId":"` + id + `","pinned":true}`
			},
			"delete":         func(id, _, _ string) (string, string, string) { return "DELETE", chats, `{"ids":["` + id + `"]}` },
			"delete by POST": func(id, _, _ string) (string, string, string) { return "POST", chatsDelete, `{"ids":["` + id + `"]}` },
			"/v2 get": func(id, _, _ string) (string, string, string) {
				return "GET", "/v2/hc-interactions/" + id + "/public", ""
			},
			"/v2 delete": func(id, _, _ string) (string, string, string) {
				return "DELETE", "/v2/hc-interactions/" + id + "/public", ""
			},
			"/v2 bulk delete": func(id, _, _ string) (string, string, string) {
				return "DELETE", public, `{"ids":["` + id + `"]}`
			},
			"/v2 atomic bulk delete": func(id, _, _ string) (string, string, string) {
				return "DELETE", public + "?atomic=true", `{"ids":["` + id + `"]}`
			},
			"/v2 list":          func(_, _, _ string) (string, string, string) { return "GET", public, "" },
			"/v2 list a source": func(_, _, word string) (string, string, string) { return "GET", public + "?source=" + word, "" },
			"/v2 list from a cursor": func(id, _, _ string) (string, string, string) {
				return "GET", public + "?cursor=" + id, ""
			},
			"/v2 list back from a cursor": func(id, _, _ string) (string, string, string) {
				return "GET", public + "?direction=previous&cursor=" + id, ""
			},
			"deletions": func(_, _, _ string) (string, string, string) { return "GET", "/api/chat-history/deletions", "" },
			"list":      func(_, _, _ string) (string, string, string) { return "GET", chats, "" },
			"list an import": func(_, importID, _ string) (string, string, string) {
				return "GET", chats + "?importId=" + importID, ""
			},
			"list a title":    func(_, _, word string) (string, string, string) { return "GET", chats + "?title=" + word, "" },
			"list a provider": func(_, _, word string) (string, string, string) { return "GET", chats + "?provider=" + word, "" },
			"import": func(_, importID, _ string) (string, string, string) {
				return "GET", "/api/chat-history/imports/" + importID, ""
			},
			"imports": func(_, _, _ string) (string, string, string) { return "GET", "/api/chat-history/imports", "" },
			"count":   func(_, _, _ string) (string, string, string) { return "GET", "/api/chat-history/count", "" },
			"stats":   func(_, _, _ string) (string, string, string) { return "GET", "/api/chat-history/stats", "" },
		}
		for _, mode := range []string{"hybrid", "semantic", "keyword"} {
			paths["search "+mode] = func(_, _, _ string) (string, string, string) {
				return "POST", "/api/chat-history/search", `{"query":"the snarkfeld","mode":"` + mode + `"}`
			}
			paths["search a provider "+mode] = func(_, _, word string) (string, string, string) {
				return "POST", "/api/chat-history/search", `{"query":"the snarkfeld","mode":"` + mode + `","provider":"` + word + `"}`
			}
		}
		paths["recall"] = func(_, _, _ string) (string, string, string) {
			return "POST", "/api/chat-history/inject", `{"query":"the snarkfeld","queries":[{"query":"whose is the snarkfeld"}]}`
		}
		answers := func(id, importID, word string) map[string]string {
			all := map[string]string{}
			for name, path := range paths {
				all[name] = strings.NewReplacer(id, "ID", importID, "IMPORT", word, "WORD").Replace(ask(path(id, importID, word)))
			}
			return all
		}

		// A world in which nobody else has anything, and then one in which the
		// default workspace has it all.
		empty := answers(chat.NewID(), chat.NewID(), "snarkfeld")
		u := apptest.Conversation("theirs", "the snarkfeld is mine", "so it is")
		u.Platform, u.PlatformDisplayName, u.Conversation.Title = new("snarkfeld"), new("Snarkfeld Chat"), new("The snarkfeld")
		theirs, err := s.Client.Upload(t.Context(), u)
		require.NoError(t, err)
		s.Ready(t, theirs.ConversationID)
		before, rows := get(t, s.Client, theirs.ConversationID), db.RowsOf(t, theirs.ConversationID)
		require.Equal(t, empty, answers(theirs.ConversationID, theirs.ImportID, "snarkfeld"))
		require.Equal(t, answers(chat.NewID(), chat.NewID(), "snarkfeld"), answers(theirs.ConversationID, theirs.ImportID, "snarkfeld"))
		require.Equal(t, before, get(t, s.Client, theirs.ConversationID), "nothing has changed")
		require.Equal(t, rows, db.RowsOf(t, theirs.ConversationID))

		// The same external id names another conversation there, which shares nothing.
		u.Conversation.Messages = u.Conversation.Messages[:1]
		own, err := stranger.Upload(t.Context(), u)
		require.NoError(t, err)
		require.NotEqual(t, theirs.ConversationID, own.ConversationID)
		apptest.AwaitImport(t, stranger, own.ImportID)
		require.Equal(t, 1, get(t, stranger, own.ConversationID).Total)
		require.Equal(t, before, get(t, s.Client, theirs.ConversationID))
		found, err := stranger.Search(t.Context(), api.SearchRequest{Query: "the snarkfeld"})
		require.NoError(t, err)
		require.Len(t, found.Results, 1)
		require.Equal(t, own.ConversationID, found.Results[0].ConversationID)
		answer, err := stranger.Delete(t.Context(), theirs.ConversationID, own.ConversationID)
		require.NoError(t, err)
		require.Equal(t, []string{own.ConversationID}, answer.Deleted)
		require.Equal(t, before, get(t, s.Client, theirs.ConversationID))
		require.Equal(t, []string{theirs.ConversationID}, s.Finds(t, "snarkfeld"))
		require.Empty(t, db.Damage(t))
	})
}

// How common a word is elsewhere says nothing about how rare it is here: a
// search ranks and scores alike, whatever other workspaces hold.
func TestWorkspacesDoNotShareStatistics(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		var ids []string
		for i, texts := range [][2]string{
			{"the snarkfeld is old", "it is"}, {"the wobbelring is old", "it is"}, {"the wobbelring and the snarkfeld", "both of them"},
		} {
			ids = append(ids, s.Upload(t, fmt.Sprint(i), texts[0], texts[1]))
		}
		s.Ready(t, ids...)
		search := func() string {
			answer := send(t, s, "POST", "/api/chat-history/search", `{"query":"old snarkfeld wobbelring","limit":100}`)
			require.Equal(t, http.StatusOK, answer.status)
			return timeless(t, answer.body)
		}
		before := search()
		_, token := s.NewKey(t, "strangers", auth.Read, auth.Write)
		stranger := s.With(t, token)
		for i := range 20 {
			answer, err := stranger.Upload(t.Context(), apptest.Conversation(fmt.Sprint(i), strings.Repeat("snarkfeld ", 20+i), "indeed"))
			require.NoError(t, err)
			apptest.AwaitImport(t, stranger, answer.ImportID)
		}
		require.Equal(t, before, search())
	})
}

func get(t testing.TB, c *client.Client, id string) api.ConversationDetail {
	t.Helper()
	detail, err := c.Get(t.Context(), id)
	require.NoError(t, err)
	return detail
}

// timeless is an answer without how long it took.
func timeless(t testing.TB, body string) string {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &fields), body)
	delete(fields, "processingTime")
	out, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(out)
}
