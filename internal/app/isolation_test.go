package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// theirs is what belongs to another workspace, or to none: ids, and a word in its
// platform, title and text.
type theirs struct{ conversation, message, upload, deletion, word string }

func nobodys(word string) theirs {
	return theirs{chat.NewID(), chat.NewID(), chat.NewID(), chat.NewID(), word}
}

// probe is a request that might reveal something about another workspace.
type probe struct{ method, path, body string }

// probes returns requests to every route that needs a key, in this order: reads, deletes,
// and uploads, which each workspace stores for itself.
func probes(of theirs) []probe {
	const root = "/api/chat-history"
	ids, id := `{"ids":["`+of.conversation+`"]}`, of.conversation
	message := `{"conversationId":"` + id + `","messageIds":["` + of.message + `"]}`
	list := []probe{
		{"GET", root + "/conversation?conversationId=" + id, ""},
		{"PATCH", root + "/conversation", `{"conversationId":"` + id + `","title":"Mine now"}`},
		{"PATCH", root + "/conversation", `{"conversationId":"` + id + `","pinned":true}`},
		{"GET", root + "/messages?conversationId=" + id, ""},
		{"GET", root + "/messages/hits?conversationId=" + id + "&query=" + of.word, ""},
		{"POST", chats + "/delete-preview", ids},
		{"POST", chats + "/delete-preview", `{"filter":{"platform":"` + of.word + `"}}`},
		{"POST", chats + "/delete-preview", `{"all":true}`},
		{"GET", "/api/keys", ""}, // these need a scope that no stranger has
		{"POST", "/api/keys", `{"name":"mine","workspace":"default","scopes":["read"]}`},
		{"DELETE", "/api/keys/" + id, ""},
		{"GET", "/api/workspaces", ""},
		{"POST", "/api/workspaces", `{"name":"` + of.word + `"}`},
		{"POST", "/api/page/code", ""},
		{"GET", "/v2/hc-interactions/" + id + "/public", ""},
		{"GET", public, ""},
		{"GET", public + "?source[]=" + of.word, ""},
		{"GET", public + "?cursor=" + id, ""},
		{"GET", public + "?direction=previous&cursor=" + id, ""},
		{"GET", root + "/deletions", ""},
		{"GET", root + "/deletions/" + of.deletion, ""},
		{"GET", chats, ""},
		{"GET", chats + "?importId=" + of.upload, ""},
		{"GET", chats + "?title=" + of.word, ""},
		{"GET", chats + "?platform=" + of.word, ""},
		{"GET", root + "/imports/" + of.upload, ""},
		{"GET", root + "/imports", ""},
		{"GET", root + "/imports/" + of.upload + "/events", ""},
		{"POST", root + "/imports", `{"fileName":"` + of.word + `.zip"}`},
		{"POST", root + "/imports/" + of.upload + "/progress", `{"bytesRead":1}`},
		{"POST", root + "/imports/" + of.upload + "/conversations?part=1", `{"conversation":{"id":"e","messages":[{"role":"human","content":"hello"}]}}`},
		{"POST", root + "/imports/" + of.upload + "/stop", ""},
		{"POST", root + "/imports/" + of.upload + "/finish", `{"state":"done"}`},
		{"GET", root + "/count", ""},
		{"GET", root + "/stats", ""},
		{"GET", root + "/export", ""},
		{"GET", root + "/export?revisions=true", ""},
		{"GET", root + "/export?everything=true", ""},
		{"GET", root + "/export?conversationId=" + id, ""},
		{"GET", root + "/export?importId=" + of.upload, ""},
		{"GET", root + "/export?title=" + of.word, ""},
		{"POST", root + "/inject", `{"query":"the ` + of.word + `","queries":[{"query":"whose is the ` + of.word + `"}]}`},
		{"POST", root + "/summaries/get-or-generate", `{"conversationId":"` + id + `"}`},
		{"DELETE", chats, ids},
		{"DELETE", chats + "?ids=" + id, ""},
		{"POST", chatsDelete, ids},
		{"POST", chats + "/delete-unchanged", `{"conversations":[{"id":"` + of.conversation + `","revision":1}]}`},
		{"DELETE", root + "/messages", message},
		{"DELETE", root + "/messages", `{"dryRun":true,` + message[1:]},
		{"POST", root + "/messages/delete", message},
		{"DELETE", "/v2/hc-interactions/" + id + "/public", ""},
		{"DELETE", public, ids},
		{"DELETE", public + "?atomic=true", ids},
		{"POST", public + "/delete", ids},
		{"GET", "/v2/bots/public", ""},
		{"POST", "/v3/search", `{"q":"whose is it","containerTag":"` + of.word + `"}`},
		{"POST", "/v4/search", `{"q":"whose is it","containerTag":"` + of.word + `"}`},
		{"GET", "/v3/documents/" + id, ""},
		{"DELETE", "/v3/documents/" + id, ""},
		{"DELETE", "/v3/documents/bulk", ids},
		{"POST", root + "/reindex", `{"failed":true}`},
		{"POST", root + "/exclusions/lift", ids},
		{"POST", root + "/exclusions/lift", `{"platform":"` + of.word + `","platformConversationIds":["theirs"]}`},
	}
	for _, path := range []string{"/mcp", "/api/mcp/mcp"} {
		list = append(list, probe{"POST", path, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"lethe://conversation/` + id + `"}}`})
	}
	for _, call := range [][2]string{
		{"search_chat_history", `"query":"the ` + of.word + `"`}, {"recall_chat_history", `"query":"the ` + of.word + `"`},
		{"get_full_conversation", `"conversationId":"` + id + `"`}, {"get_conversation_summary", `"conversationId":"` + id + `"`},
		{"list_conversations", `"title":"` + of.word + `"`}, {"chat_history_overview", ""}, {"import_status", `"importId":"` + of.upload + `"`},
		{"deletion_receipt", `"deletionId":"` + of.deletion + `"`}, {"delete_conversations", `"ids":["` + id + `"]`},
		{"delete_matching_conversations", `"platform":"` + of.word + `","includePinned":true`},
	} {
		list = append(list, probe{"POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + call[0] + `","arguments":{` + call[1] + `}}}`})
	}
	for _, mode := range []string{"hybrid", "semantic", "keyword"} {
		list = append(list,
			probe{"POST", root + "/search", `{"query":"the ` + of.word + `","mode":"` + mode + `"}`},
			probe{"POST", root + "/search", `{"query":"the ` + of.word + `","mode":"` + mode + `","provider":"` + of.word + `"}`})
	}
	for _, filter := range []string{`"provider":"` + of.word + `"`, `"title":"` + of.word + `"`, `"importId":"` + of.upload + `"`} {
		list = append(list,
			probe{"POST", chats + "/delete-matching", `{"filter":{` + filter + `},"includePinned":true,"dryRun":true}`},
			probe{"POST", chats + "/delete-matching", `{"filter":{` + filter + `},"includePinned":true,"exclude":true}`})
	}
	own := `{"platform":"` + of.word + `","conversation":{"id":"theirs","createdAt":"2026-03-01","updatedAt":"2026-03-01","messages":[{"role":"human","content":"the ` + of.word + `","createdAt":"2026-03-01"}]}}`
	return append(list,
		probe{"POST", root + "/import", own}, probe{"POST", root + "/ingest/custom-online", own},
		probe{"GET", root + "/export", ""}, probe{"POST", chats + "/delete-matching", `{"all":true,"dryRun":true}`},
		// They store something with the present time, which is searchable sooner or later. So they are the last.
		probe{"POST", "/v4/conversations", `{"conversationId":"mine","containerTag":"` + of.word + `","messages":[{"role":"user","content":"the ` + of.word + `"}]}`},
		probe{"POST", "/v3/documents", `{"customId":"mine","containerTag":"` + of.word + `","content":"the ` + of.word + `"}`},
	)
}

// A new route needs a probe.
func TestEveryRouteIsProbed(t *testing.T) {
	for _, r := range server.New(server.Options{}).Routes() {
		// One says whose the key is. The other never ends, and package events tests that a
		// listener hears of its own workspace only.
		if r.Path == "/api/me" || r.Path == "/api/chat-history/events" {
			continue
		}
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`:\w+`).ReplaceAllString(regexp.QuoteMeta(r.Path), `[^/]+`) + `(\?.*)?$`)
		probed := slices.ContainsFunc(probes(nobodys("word")), func(p probe) bool { return p.method == r.Method && pattern.MatchString(p.path) })
		require.True(t, probed, "%s %s has no probe", r.Method, r.Path)
	}
}

// minted matches the ids that the service assigns. progress matches how far the indexing
// of an upload is. exportedAt matches the times of an export.
var (
	minted     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	exportedAt = regexp.MustCompile(`"(exportedAt|createdAt)":"[^"]+"`)
	progress   = regexp.MustCompile(`"status":"(queued|indexing|ready)"`)
)

// To another workspace, stored data look exactly like data that do not exist: the answers
// are equal byte by byte, except for new ids and durations, and nothing changes.
func TestWorkspacesCannotTellThatOthersExist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		strangers := 0
		// answers returns the answers that a new workspace gets to every probe.
		answers := func(of theirs) (all []string) {
			strangers++
			_, token := s.NewKey(t, fmt.Sprint("strangers-", strangers), auth.Read, auth.Write)
			for _, p := range probes(of) {
				answer := send(t, s, p.method, p.path, p.body, "Authorization", "Bearer "+token)
				line := fmt.Sprint(p.method, " ", p.path, " ", answer.status, " ", timeless(t, answer.body))
				line = progress.ReplaceAllString(minted.ReplaceAllString(line, "ID"), `"status":"STORED"`)
				line = strings.ReplaceAll(line, fmt.Sprint("strangers-", strangers), "STRANGERS")
				all = append(all, strings.ReplaceAll(line, of.word, "WORD"))
			}
			return all
		}

		// First without any data of others, then with all of it in the default workspace.
		empty := answers(nobodys("snarkfeld"))
		u := apptest.Conversation("theirs", "the snarkfeld is mine", "so it is")
		u.Platform, u.PlatformDisplayName, u.Conversation.Title = new("snarkfeld"), new("Snarkfeld Chat"), new("The snarkfeld")
		theirUpload, err := s.Client.Upload(t.Context(), u)
		require.NoError(t, err)
		s.Ready(t, theirUpload.ConversationID)
		s.Ready(t, s.Upload(t, "another of theirs", "to be deleted", "indeed"))
		receipt, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{Filter: &api.DeleteFilter{Title: new("to be deleted")}})
		require.NoError(t, err)
		require.NotNil(t, receipt.DeletionID)
		messages, err := s.Client.Messages(t.Context(), theirUpload.ConversationID, 0, 1)
		require.NoError(t, err)
		of := theirs{theirUpload.ConversationID, messages.Items[0].ID, theirUpload.ImportID, *receipt.DeletionID, "snarkfeld"}
		before, rows := get(t, s.Client, of.conversation), db.RowsOf(t, of.conversation)
		require.Equal(t, empty, answers(of))
		require.Equal(t, answers(nobodys("snarkfeld")), answers(of))
		require.Equal(t, before, get(t, s.Client, of.conversation), "nothing has changed")
		require.Equal(t, rows, db.RowsOf(t, of.conversation))

		// The same external id identifies another conversation there, which shares
		// nothing.
		_, token := s.NewKey(t, "strangers", auth.Read, auth.Write)
		stranger := s.With(t, token)
		u.Conversation.Messages = u.Conversation.Messages[:1]
		own, err := stranger.Upload(t.Context(), u)
		require.NoError(t, err)
		require.NotEqual(t, of.conversation, own.ConversationID)
		apptest.AwaitImport(t, stranger, own.ImportID)
		require.Equal(t, 1, get(t, stranger, own.ConversationID).Total)
		require.Equal(t, before, get(t, s.Client, of.conversation))
		found, err := stranger.Search(t.Context(), api.SearchRequest{Query: "the snarkfeld"})
		require.NoError(t, err)
		require.Len(t, found.Results, 1)
		require.Equal(t, own.ConversationID, found.Results[0].ConversationID)
		answer, err := stranger.Delete(t.Context(), of.conversation, own.ConversationID)
		require.NoError(t, err)
		require.Equal(t, []string{own.ConversationID}, answer.Deleted)
		require.Equal(t, before, get(t, s.Client, of.conversation))
		require.Equal(t, []string{of.conversation}, s.Finds(t, "snarkfeld"))
		require.Empty(t, db.Damage(t))
	})
}

// The frequency of a word in other workspaces does not affect this one: a search ranks
// and scores equally, whatever they contain.
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

// timeless returns an answer without its duration.
func timeless(t testing.TB, body string) string {
	t.Helper()
	var fields map[string]any
	if json.Unmarshal([]byte(body), &fields) != nil { // an export, which is not one JSON value
		return exportedAt.ReplaceAllString(body, `"$1":"TIME"`)
	}
	delete(fields, "processingTime")
	delete(fields, "timing")
	if _, begun := fields["bytesRead"]; begun { // the record of an import that begins now
		delete(fields, "createdAt")
	}
	out, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(out)
}
