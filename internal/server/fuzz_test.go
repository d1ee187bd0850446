package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/server/servertest"
)

// current is the test of the current input, because a fuzz target must not report to its
// outer test.
type current struct{ *testing.T }

// fuzzed returns a service whose answers are checked against openapi.yaml for each input.
func fuzzed(f *testing.F) (service, *current) {
	f.Helper()
	s, now := start(f, server.Options{}), &current{T: &testing.T{}}
	s.HTTP = &http.Client{Transport: servertest.Validating(now, http.DefaultTransport)}
	return s, now
}

// FuzzBodies sends random bodies to every route that takes one. The answer must be one
// that openapi.yaml allows, and never an internal error.
func FuzzBodies(f *testing.F) {
	var routes []request
	for _, r := range every(f) {
		if r.method != http.MethodGet {
			routes = append(routes, r)
		}
	}
	for i, seed := range []string{
		`{"ids":["0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10",""]}`, `{"conversationId":"a","title":"\u0000","pinned":true}`,
		`{"conversation":{"id":"c\u0000","messages":[{"role":"human","content":"a\ud800\u0000"},{"role":"tool","content":""}]},"platform":"p"}`,
		`{"query":"tram* NEAR( \"","limit":1e99,"mode":"keyword"}`, `{"queries":[{"query":"\u202e"}],"maxTokens":1}`,
		`{"filter":{"title":"\u0000","dateTo":"9999-12-31"},"dryRun":true,"expectedCount":-1}`, `{"all":true,"filter":{}}`,
		`{"ids":[],"platform":"\u0000","platformConversationIds":["\ud800"]}`, "{\n{\"conversation\":{}}\n", "\xef\xbb\xbf{}",
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

// FuzzQueries sends random query strings to every route.
func FuzzQueries(f *testing.F) {
	for _, seed := range []string{
		"page=1&pageSize=2", "dateFrom=2026-01-01T00:00:00%2B24:00", "title=%25_%00", "importId=%FF", "page=-0",
		"since=1772323200000&until=1772323200001&limit=0", "cursor=0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10&direction=previous",
		"source=a,b&source=%00&channel=&agentId=", "since=-1", "until=9223372036854775807",
		"conversationId=a&senderStyle=user", "dateTo=9999-12-31", "provider=%zz", "a=b;c=d", "%00=%00", "title=\xff", "source[]=a&source[1]=b&[]=c&source[=d", "pinned=TRUE&platform=%5B%5D",
		"ids[]=a,b&wait=1", "Atomic=true", "dry_run=1", "restoreDeleted=x",
	} {
		f.Add(seed)
	}
	routes := every(f)
	s, now := fuzzed(f)
	f.Fuzz(func(t *testing.T, query string) {
		now.T = t
		query = strings.Map(func(r rune) rune { // bytes that a request line cannot contain
			if r <= ' ' || r == 0x7f {
				return -1
			}
			return r
		}, query)
		for _, r := range routes {
			path, _, _ := strings.Cut(r.path, "?")
			query := query
			if path == "/api/chat-history/events" { // a stream that never ends, unless its kinds are refused
				query = "kind=neither&" + strings.ReplaceAll(strings.ToLower(query), "kind", "")
			}
			answer := s.call(t, r.method, path+"?"+query, r.body)
			require.Less(t, answer.status, http.StatusInternalServerError, answer.body)
		}
	})
}
