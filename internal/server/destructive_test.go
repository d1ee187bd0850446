package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
)

// Every route that deletes is marked in the route table as strict, so that it refuses
// what it does not understand.
func TestEveryRouteThatDeletesIsMarked(t *testing.T) {
	for _, r := range server.New(server.Options{}).Routes() {
		deletes := r.Method == http.MethodDelete || strings.Contains(r.Path, "delete") || strings.Contains(r.Path, "lift")
		require.Equal(t, deletes, r.Destroys, "%s %s", r.Method, r.Path)
	}
}

// misspelt are spellings of the switches that change what a delete does.
var misspelt = []string{
	"dry_run", "dryrun", "DryRun", "DRY_RUN", "dry-run", "dry", "dryRn", "isDryRun", "expected_count", "ExpectedCount", "expectedcount",
	"expectCount", "expected", "Exclude", "EXCLUDE", "exlude", "excluded", "Wait", "WAIT", "wiat", "waits", "Atomic", "atomicc", "is_atomic",
	"ｄｒｙＲｕｎ", // full-width letters
}

// aimedAt returns a request of a route that deletes, for this conversation.
func aimedAt(r request, id string) request {
	r.body = strings.NewReplacer(`"a"`, `"`+id+`"`, "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10", id, "nobody", "custom").Replace(r.body)
	r.path = strings.Replace(r.path, "/a/", "/"+id+"/", 1)
	return r
}

// withField returns the body with one more field.
func withField(body, name, value string) string {
	if body == "" {
		body = "{}"
	}
	return strings.Replace(strings.TrimSuffix(body, "}")+`,"`+name+`":`+value+"}", "{,", "{", 1)
}

// On every route that deletes, a field or parameter that looks like a switch of another route deletes nothing.
func TestNoDeleteIgnoresASwitch(t *testing.T) {
	s := start(t, server.Options{})
	id := s.upload(t, "kept", "hello")
	// These differ in case only, so they are accepted.
	known := map[string]bool{"?Atomic DELETE /v2/hc-interactions/public": true, "?Atomic POST /v2/hc-interactions/public/delete": true}
	for _, name := range []string{"Wait", "WAIT", "Exclude", "EXCLUDE"} {
		known["?"+name+" DELETE /api/chat-history/chats"] = true
	}
	for _, r := range every(t) {
		if !r.destroys {
			continue
		}
		target := r.method + " " + r.path
		r := aimedAt(r, id)
		for _, name := range append([]string{"dryRun", "expectedCount", "atomic"}, misspelt...) {
			if strings.HasSuffix(r.path, "delete-matching") && (name == "dryRun" || name == "expectedCount") {
				continue // this route has these switches
			}
			if strings.Contains(r.path, "/messages") && name == "dryRun" {
				continue // this one as well
			}
			for _, value := range []string{"true", "1", `"true"`, "null"} {
				answer := s.call(t, r.method, r.path, withField(r.body, name, value))
				require.Equal(t, http.StatusBadRequest, answer.status, "%s %s %s=%s: %s", r.method, r.path, name, value, answer.body)
				require.Contains(t, answer.says(t), name)
				if vendorsDeletes[target] {
					for _, within := range []string{`{"` + name + `":` + value + `}`, `[[{"deep":{"` + name + `":` + value + `}}]]`} {
						answer := s.call(t, r.method, r.path, withField(r.body, "options", within))
						require.Equal(t, http.StatusBadRequest, answer.status, "%s %s %s: %s", r.method, r.path, within, answer.body)
						require.Contains(t, answer.says(t), name)
					}
				}
			}
			if known["?"+name+" "+r.method+" "+r.path] || (name == "atomic" && strings.HasPrefix(r.path, "/v2/hc-interactions/public")) {
				continue
			}
			answer := s.call(t, r.method, r.path+"?"+url.QueryEscape(name)+"=true", r.body)
			require.Equal(t, http.StatusBadRequest, answer.status, "%s %s?%s: %s", r.method, r.path, name, answer.body)
			require.Contains(t, answer.says(t), name)
		}
	}
	count, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count, "nothing must be deleted")
}

// vendorsDeletes are the deletes of the two APIs; all others are Lethe's own.
var vendorsDeletes = map[string]bool{
	"DELETE /api/chat-history/chats": true, "POST /api/chat-history/chats/delete": true,
	"DELETE /v2/hc-interactions/public": true, "DELETE /v2/hc-interactions/a/public": true, "POST /v2/hc-interactions/public/delete": true,
	"DELETE /v3/documents/bulk": true, "DELETE /v3/documents/a": true,
}

// Lethe's own routes refuse unknown names and say which. The clients of the two APIs may
// send more fields than Lethe knows.
func TestUnknownNamesAreRefusedOnOurRoutesOnly(t *testing.T) {
	s := start(t, server.Options{})
	for _, r := range every(t) {
		if !r.destroys {
			continue
		}
		for _, name := range []string{"conversationIds", "user", "source", "limit", "include", "_", "reason"} {
			field := s.call(t, r.method, r.path, withField(r.body, name, `"x"`))
			param := s.call(t, r.method, r.path+"?"+name+"=x", r.body)
			for _, answer := range []reply{field, param} {
				if !vendorsDeletes[r.method+" "+r.path] {
					require.Equal(t, http.StatusBadRequest, answer.status, "%s %s", r.path, name)
					require.Contains(t, answer.says(t), name)
					continue
				}
				require.NotEqual(t, http.StatusBadRequest, answer.status, "%s %s: %s", r.path, name, answer.body)
			}
		}
	}
	id := s.upload(t, "kept", "hello")
	answer := s.call(t, http.MethodDelete, "/v2/hc-interactions/"+id+"/public?reason=x", `{"reason":"asked for","tags":[]}`)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	count, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Zero(t, count)
}

// The switches that a route has are read in any case.
func TestSwitchesInTheQueryAreRead(t *testing.T) {
	s := start(t, server.Options{})
	id := s.upload(t, "kept", "hello")
	body := `{"ids":["` + id + `","0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"]}`
	for _, query := range []string{"?atomic=true", "?Atomic=true", "?ATOMIC=TRUE", "?atomic=True", "?atomic=1", "?atomic[]=true"} {
		answer := s.call(t, http.MethodDelete, "/v2/hc-interactions/public"+query, body)
		require.Equal(t, http.StatusNotAcceptable, answer.status, query)
		require.Contains(t, answer.body, `"deleted":[]`, query)
	}
	for _, query := range []string{"?atomic=yes", "?atomic=true&Atomic=false", "?atomic=true&atomic=false"} {
		require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodDelete, "/v2/hc-interactions/public"+query, body).status, query)
	}
	_, err := s.Client.Get(t.Context(), id)
	require.NoError(t, err)
}

func TestADeleteWithoutABodyMayNameIdsInItsQuery(t *testing.T) {
	const path = "/api/chat-history/chats"
	s := start(t, server.Options{})
	id := s.upload(t, "kept", "hello")
	for query, says := range map[string]string{
		"":                        "POST /api/chat-history/chats/delete",
		"?ids=":                   "POST /api/chat-history/chats/delete",
		"?ids=,":                  "POST /api/chat-history/chats/delete",
		"?wait=true":              "POST /api/chat-history/chats/delete",
		"?ids=" + id + "&wait=x":  "wait must be true or false",
		"?ids=" + id + "&dryRun":  "dryRun",
		"?ids=" + id + "&dry_run": "dry_run",
	} {
		answer := s.call(t, http.MethodDelete, path+query, "")
		require.Equal(t, http.StatusBadRequest, answer.status, query)
		require.Contains(t, answer.says(t), says, query)
	}
	for _, query := range []string{"?ids=" + id, "?ids=", "?wait=true", "?exclude=false"} {
		answer := s.call(t, http.MethodDelete, path+query, `{"ids":["`+id+`"]}`)
		require.Equal(t, http.StatusBadRequest, answer.status, query)
		require.Contains(t, answer.says(t), "not in both", query)
	}
	bulk := s.call(t, http.MethodDelete, "/v2/hc-interactions/public", "")
	require.Equal(t, http.StatusBadRequest, bulk.status)
	require.Contains(t, bulk.says(t), "POST /v2/hc-interactions/public/delete")

	ids := []string{id}
	for i := range 5 {
		ids = append(ids, s.upload(t, strings.Repeat("a", i+1), "hello"))
	}
	for query, want := range map[string]string{
		"?ids=" + ids[0] + "," + ids[1]:                `["` + ids[0] + `","` + ids[1] + `"]`,
		"?ids=" + ids[3] + "&ids=" + ids[2]:            `["` + ids[3] + `","` + ids[2] + `"]`,
		"?ids%5B%5D=" + ids[4] + "&Wait=False":         `["` + ids[4] + `"]`,
		"?ids[0]=" + ids[5] + "&ids[1]=&exclude=False": `["` + ids[5] + `"]`,
	} {
		answer := s.call(t, http.MethodDelete, path+query, "")
		require.Equal(t, http.StatusOK, answer.status, answer.body)
		require.Contains(t, answer.body, `"deleted":`+want, query)
	}
}

// Lists and filters are read in all spellings that clients use, on every route that has
// one. A filter that is ignored would list everything, and clients delete what they
// listed.
func TestFiltersAreReadHoweverTheyAreWritten(t *testing.T) {
	s := start(t, server.Options{})
	for _, platform := range []string{"ui", "widget", "other"} {
		_, err := s.Client.Upload(t.Context(), api.UploadRequest{Platform: new(platform), Conversation: api.UploadedChat{
			ID: "c", Messages: []api.UploadedMessage{{Role: "human", Content: "hello"}},
		}})
		require.NoError(t, err)
	}
	pinned := s.upload(t, "pinned", "hello")
	_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: pinned, Pinned: new(true)})
	require.NoError(t, err)
	const list, export, walk = "/api/chat-history/chats", "/api/chat-history/export", "/v2/hc-interactions/public"
	for path, ask := range map[string]struct {
		queries []string
		want    int
		mark    string
	}{
		list: {[]string{
			"provider=ui", "platform=ui", "provider[]=ui", "provider%5B%5D=ui", "platform[0]=ui", "provider=ui&platform=ui", "provider=&platform=ui",
			"Provider=ui", "PLATFORM[]=ui", "pinned_only=true", "Pinned=1", "pinnedOnly=True", "pinned=TRUE", "pinned=1", "pinnedOnly[]=true", "pinned=true&pinnedOnly=TRUE", "pinned=&pinnedOnly=true",
		}, 1, `"id":`},
		export: {[]string{"provider[]=ui", "platform=ui", "platform[0]=ui", "pinned=True", "pinnedOnly=1", "Provider=ui", "PINNED=true"}, 1, `"conversation":`},
		walk: {[]string{
			"source=ui&source=widget", "source=ui,widget", "source[]=ui&source[]=widget", "source[0]=ui&source[1]=widget", "source%5B0%5D=ui%2Cwidget", "source[]=ui&source=widget", "Source=ui,widget", "SOURCE=ui&source[]=widget",
		}, 2, `"subjectPreview":`},
	} {
		for _, query := range ask.queries {
			answer := s.call(t, http.MethodGet, path+"?"+query, "")
			require.Equal(t, http.StatusOK, answer.status, "%s?%s: %s", path, query, answer.body)
			require.Equal(t, ask.want, strings.Count(answer.body, ask.mark), "%s?%s: %s", path, query, answer.body)
		}
	}
	for _, path := range []string{list, export} {
		for query, says := range map[string]string{
			"provider=ui&platform=widget": "provider and platform", "pinned=true&pinnedOnly=false": "pinned and pinnedOnly", "provider=ui,widget": "one platform",
			"provider[]=ui&provider[]=widget": "provider", "pinned=maybe": "pinned must be true or false",
			"provider=ui&Platform=widget": "provider and platform", "provider=ui&Provider=widget": "provider",
		} {
			answer := s.call(t, http.MethodGet, path+"?"+query, "")
			require.Equal(t, http.StatusBadRequest, answer.status, "%s?%s", path, query)
			require.Contains(t, answer.says(t), says, "%s?%s", path, query)
		}
	}
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, list+"?future=1&utm[x]=2", "").status, "reads are lenient")
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, list+"?dateFrom=2026-03-01T09:30:00.123", "").status, "a time without a zone is UTC")
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodPost, searchPath, `{"query":"hello","provider":"ui","platform":"widget"}`).status)
	answer := s.call(t, http.MethodPost, searchPath, `{"query":"hello","platform":"ui"}`)
	require.Contains(t, answer.body, `"provider":"ui"`)
}
