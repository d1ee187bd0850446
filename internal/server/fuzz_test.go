package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/server/servertest"
)

// current reports to the input that is being tried, because a fuzz target's
// outer test may not fail from within it.
type current struct{ *testing.T }

// fuzzed is a service whose answers are held to the document, input by input.
func fuzzed(f *testing.F) (service, *current) {
	f.Helper()
	s, now := start(f, server.Options{}), &current{T: &testing.T{}}
	s.HTTP = &http.Client{Transport: servertest.Validating(now, http.DefaultTransport)}
	return s, now
}

// FuzzBodies sends anything to every route that takes a body: the answer is
// never a fault of the service, and always what the document allows.
func FuzzBodies(f *testing.F) {
	routes := []struct{ method, path string }{
		{http.MethodDelete, "/api/chat-history/chats"},
		{http.MethodDelete, "/v2/hc-interactions/public"},
		{http.MethodPatch, "/api/chat-history/conversation"},
		{http.MethodPost, uploadPath},
		{http.MethodPost, searchPath},
		{http.MethodPost, recallPath},
	}
	for i, seed := range []string{
		`{"ids":["0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10",""]}`, `{"conversationId":"a","title":"\u0000","pinned":true}`,
		`{"conversation":{"id":"c\u0000","messages":[{"role":"human","content":"a\ud800\u0000"},{"role":"tool","content":""}]},"platform":"p"}`,
		`{"query":"tram* NEAR( \"","limit":1e99,"mode":"keyword"}`, `{"queries":[{"query":"\u202e"}],"maxTokens":1}`,
		`null`, `{"ids":null}`, `{"query":"a AND -b:c^2"}`, `{"query":"'; --"}`,
	} {
		for route := range routes {
			f.Add(uint8(i+route), []byte(seed))
		}
	}
	s, now := fuzzed(f)
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		now.T = t
		route := routes[int(which)%len(routes)]
		answer := s.call(t, route.method, route.path, string(body))
		require.Less(t, answer.status, http.StatusInternalServerError, answer.body)
	})
}

// FuzzQueries sends anything as the query string of the routes that read one.
func FuzzQueries(f *testing.F) {
	for _, seed := range []string{
		"page=1&pageSize=2", "dateFrom=2026-01-01T00:00:00%2B24:00", "title=%25_%00", "importId=%FF", "page=-0",
		"since=1772323200000&until=1772323200001&limit=0", "cursor=0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10&direction=previous",
		"source=a,b&source=%00&channel=&agentId=", "since=-1", "until=9223372036854775807",
		"conversationId=a&senderStyle=user", "dateTo=9999-12-31", "provider=%zz", "a=b;c=d", "%00=%00", "title=\xff",
	} {
		f.Add(seed)
	}
	s, now := fuzzed(f)
	f.Fuzz(func(t *testing.T, query string) {
		now.T = t
		query = strings.Map(func(r rune) rune { // what no request line can have
			if r <= ' ' || r == 0x7f {
				return -1
			}
			return r
		}, query)
		for _, path := range []string{"/api/chat-history/chats", "/api/chat-history/conversation", "/api/chat-history/imports", "/v2/hc-interactions/public"} {
			answer := s.call(t, http.MethodGet, path+"?"+query, "")
			require.Less(t, answer.status, http.StatusInternalServerError, answer.body)
		}
	})
}
