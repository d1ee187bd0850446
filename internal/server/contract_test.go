package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/server/jsonbody"
	"github.com/lethe-chat/lethe/internal/server/servertest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// pageFiles are the routes that openapi.yaml does not list: the files that / and /docs load.
var pageFiles = []string{"GET /docs/*", "GET /page/*"}

func TestRoutesEqualSpec(t *testing.T) {
	doc, err := servertest.Spec()
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, route := range pageFiles {
		listed[route] = true
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			listed[method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path)] = true
		}
	}
	served := map[string]bool{}
	for _, route := range server.New(server.Options{}).Served() {
		served[route] = true
	}
	for route := range listed {
		if path, ok := strings.CutPrefix(route, "GET "); ok {
			listed["HEAD "+path] = true // once for all routes
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(served)))
}

// Each operation has a description and an example of a request and an answer.
func TestOperationsAreDescribed(t *testing.T) {
	doc, err := servertest.Spec()
	require.NoError(t, err)
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			t.Run(method+" "+path, func(t *testing.T) {
				require.NotEmpty(t, o.OperationID)
				require.NotEmpty(t, o.Summary)
				require.NotEmpty(t, o.Description)
				require.NotEmpty(t, o.Tags)
				for _, p := range o.Parameters {
					require.NotEmpty(t, p.Value.Description, p.Value.Name)
					require.NotNil(t, p.Value.Example, p.Value.Name)
				}
				if o.RequestBody != nil {
					requireExample(t, o.RequestBody.Value.Content)
				}
				for status, response := range o.Responses.Map() {
					require.NotEmpty(t, *response.Value.Description, status)
					if status != "202" && status != "204" { // they have no body
						requireExample(t, response.Value.Content)
					}
				}
				if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/v") {
					return
				}
				require.Regexp(t, "eeds\\s+(scope\\s+`(read|write|admin)`|a\\s+key\\s+of\\s+any\\s+scope|no\\s+key)", o.Description)
				statuses := []string{"401", "403", "500", "503"}
				if o.Security == nil { // the rate is that of a key
					statuses = append(statuses, "429")
				}
				for _, status := range statuses {
					require.NotNil(t, o.Responses.Value(status), status)
				}
				if o.RequestBody != nil {
					for _, status := range []string{"400", "413", "415"} {
						require.NotNil(t, o.Responses.Value(status), status)
					}
				}
			})
		}
	}
	for name, schema := range doc.Components.Schemas {
		require.NotEmpty(t, schema.Value.Description, name)
		for field, property := range schema.Value.Properties {
			require.NotEmpty(t, property.Value.Description, name+"."+field)
		}
	}
}

func requireExample(t *testing.T, content openapi3.Content) {
	t.Helper()
	require.NotEmpty(t, content)
	for media, c := range content {
		require.True(t, c.Example != nil || len(c.Examples) > 0, media)
	}
}

// The body reader follows the generated structs, and people follow the document. Both
// must agree on what is allowed: the test replaces every field of every request by each
// kind of value, and leaves it out.
func TestBodiesAreReadAsTheSpecSays(t *testing.T) {
	doc, err := servertest.Spec()
	require.NoError(t, err)
	// Requests that delete refuse null. In other requests, null in an optional field
	// means the same as leaving it out.
	deletes := map[string]bool{"DeleteRequest": true, "DeleteMatchingRequest": true, "LiftRequest": true, "PublicDeleteRequest": true}
	bodies := map[string]struct {
		full string
		into func() any
	}{
		"DeleteMatchingRequest": {`{"filter":{"provider":"a","platform":"a","title":"b","dateFrom":"2026-01-01","dateTo":"2026-01-01","importId":"c","pinned":true,"pinnedOnly":true,"archived":true,"starred":false,"project":"d"},
			"all":false,"includePinned":false,"dryRun":true,"expectedCount":1,"exclude":false,"wait":false}`, func() any { return new(api.DeleteMatchingRequest) }},
		"LiftRequest":         {`{"ids":["a"],"platform":"b","platformConversationIds":["c"]}`, func() any { return new(api.LiftRequest) }},
		"DeleteRequest":       {`{"ids":["a","b"],"exclude":true,"wait":false}`, func() any { return new(api.DeleteRequest) }},
		"PublicDeleteRequest": {`{"ids":["0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10","0197b3a0-3c2d-7e55-9b66-1f5d0b3e2a21"]}`, func() any { return new(api.PublicDeleteRequest) }},
		"EditRequest":         {`{"conversationId":"a","title":"b","pinned":true}`, func() any { return new(api.EditRequest) }},
		"SearchRequest": {`{"query":"a","limit":1,"provider":"b","platform":"b","contextChunks":1,"skipRerank":true,"dateFrom":"2026-01-01","dateTo":"2026-01-01","archived":true,"starred":false,"project":"c","mode":"hybrid"}`,
			func() any { return new(api.SearchRequest) }},
		"RecallRequest": {`{"query":"a","maxTokens":1,"platform":"b","conversationContext":"c","conversationHistory":[{"role":"human","content":"d"}],"queries":[{"query":"e","maxTokens":2}]}`,
			func() any { return new(api.RecallRequest) }},
		"UploadRequest": {`{"platform":"a","platformDisplayName":"b","conversation":{"id":"c","title":"d","createdAt":"2026-01-01","updatedAt":"2026-01-01",
			"pinned":true,"archived":true,"starred":false,"project":"g","link":"https://a.b","marked":true,"from":0,
			"messages":[{"id":"e","role":"human","content":"f","createdAt":"2026-01-01","timeInferred":true,"branch":"h","hidden":true,"files":["i"]}]}}`, func() any { return new(api.UploadRequest) }},
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			var tree any
			require.NoError(t, json.Unmarshal([]byte(body.full), &tree))
			schema := doc.Components.Schemas[name].Value
			compared := 0
			mutate(tree, "", func(where string) {
				text, err := json.Marshal(tree)
				require.NoError(t, err)
				var value any
				require.NoError(t, json.Unmarshal(text, &value))
				policy := jsonbody.Exact
				if !deletes[name] {
					policy, value = jsonbody.Lenient, withoutNulls(schema, value)
				}
				bySpec := schema.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.VisitAsRequest())
				byReader := jsonbody.Decode(text, body.into(), policy)
				require.Equal(t, bySpec == nil, byReader == nil, "%s: the document says %v, the reader %v", where, bySpec, byReader)
				compared++
			})
			require.Greater(t, compared, 10)
		})
	}
}

// withoutNulls removes the optional fields that are null.
func withoutNulls(schema *openapi3.Schema, value any) any {
	switch node := value.(type) {
	case map[string]any:
		for name, inner := range node {
			property := schema.Properties[name]
			switch {
			case property == nil:
			case inner == nil && !slices.Contains(schema.Required, name):
				delete(node, name)
			default:
				node[name] = withoutNulls(property.Value, inner)
			}
		}
	case []any:
		if schema.Items != nil {
			for i := range node {
				node[i] = withoutNulls(schema.Items.Value, node[i])
			}
		}
	}
	return value
}

// mutate calls check for the tree as it is, and with each of its values replaced or
// removed. It restores the tree.
func mutate(tree any, where string, check func(string)) {
	try := func(old any, set func(any), path string) {
		for _, other := range []any{nil, true, 7.0, []any{}, map[string]any{}} {
			if fmt.Sprintf("%T", other) == fmt.Sprintf("%T", old) && other != nil && old != nil {
				continue // the same kind of value; the reader does not check it further
			}
			set(other)
			check(fmt.Sprintf("%s = %v", path, other))
		}
		set(old)
		mutate(old, path, check)
	}
	switch node := tree.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			old := node[key]
			try(old, func(v any) { node[key] = v }, where+"."+key)
			delete(node, key)
			check(where + "." + key + " removed")
			node[key] = old
		}
	case []any:
		for i, old := range node {
			try(old, func(v any) { node[i] = v }, fmt.Sprintf("%s[%d]", where, i))
		}
	}
}

// Some generators read no relative address of a server.
func TestTheContractNamesTheAddressOfTheRequest(t *testing.T) {
	s := start(t, server.Options{})
	specs := map[string][]byte{}
	for _, path := range []string{"/openapi.yaml", "/openapi.json"} {
		answer := s.get(t, path)
		require.Equal(t, http.StatusOK, answer.status)
		doc, err := openapi3.NewLoader().LoadFromData([]byte(answer.body))
		require.NoError(t, err, path)
		require.NoError(t, doc.Validate(t.Context()), path)
		require.Len(t, doc.Servers, 1)
		require.Equal(t, s.URL, doc.Servers[0].URL)
		doc.Servers = nil
		specs[path], err = doc.MarshalJSON()
		require.NoError(t, err)
	}
	require.JSONEq(t, string(specs["/openapi.yaml"]), string(specs["/openapi.json"]))

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/openapi.json", nil)
	require.NoError(t, err)
	r.Host = "lethe.example"
	r.Header.Set("X-Forwarded-Proto", "https")
	resp, err := s.HTTP.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	var spec struct{ Servers []struct{ URL string } }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&spec))
	require.Equal(t, "https://lethe.example", spec.Servers[0].URL, "behind a proxy")
}

func TestServesTheContract(t *testing.T) {
	s := start(t, server.Options{Version: "1.2.3"})
	for path, want := range map[string]string{
		"/openapi.yaml": "openapi: 3.1.0",
		"/docs":         "swagger-ui-bundle.js",
		"/docs/":        "swagger-ui-bundle.js",
		"/healthz":      `{"status":"ok","version":"1.2.3"}`,
		"/readyz":       `{"status":"ready","version":"1.2.3"}`,
	} {
		resp := s.get(t, path)
		require.Equal(t, http.StatusOK, resp.status, path)
		require.Contains(t, resp.body, want, path)
	}
	for _, file := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "start.js"} {
		resp := s.get(t, "/docs/"+file)
		require.Equal(t, http.StatusOK, resp.status, file)
		require.NotEmpty(t, resp.body, file)
	}
	require.Equal(t, http.StatusNotFound, s.get(t, "/docs/oauth2-redirect.html").status)
	require.Contains(t, s.get(t, "/docs").header.Get("Content-Security-Policy"), "script-src 'self'")
	require.False(t, bytes.Contains([]byte(s.get(t, "/docs").body), []byte("//")), "the page must not load anything from other servers")
}

func TestReadinessFollowsTheService(t *testing.T) {
	s := start(t, server.Options{})
	s.Server.SetReady(false)
	require.Equal(t, http.StatusServiceUnavailable, s.get(t, "/readyz").status)
	require.Equal(t, http.StatusOK, s.get(t, "/healthz").status)
	s.Server.SetReady(true)
	require.Equal(t, http.StatusOK, s.get(t, "/readyz").status)
}
