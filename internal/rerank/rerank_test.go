package rerank

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/modelhttp"
)

const (
	testKey  = "sk-a-secret-key"
	testText = "the private words of a user"
)

// server is a rerank server on loopback that answers with one function.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []map[string]any
	auth  []string
}

func serve(t *testing.T, do func(w http.ResponseWriter, r *http.Request, asked map[string]any)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked map[string]any
		if json.Unmarshal(body, &asked) != nil || r.URL.Path != "/v1/rerank" || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		s.mu.Lock()
		s.asked, s.auth = append(s.asked, asked), append(s.auth, r.Header.Get("Authorization"))
		s.mu.Unlock()
		do(w, r, asked)
	}))
	t.Cleanup(s.Close)
	return s
}

func says(status int, body string) func(http.ResponseWriter, *http.Request, map[string]any) {
	return func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func newTest(t *testing.T, s *server, change func(*modelhttp.Endpoint)) *Remote {
	t.Helper()
	o := modelhttp.Endpoint{URL: s.URL + "/v1", Model: "judge", APIKey: testKey, HTTPClient: s.Client()}
	if change != nil {
		change(&o)
	}
	r, err := NewRemote(o)
	require.NoError(t, err)
	return r
}

func TestRerankAsksAndReads(t *testing.T) {
	for name, body := range map[string]string{
		"Cohere, Jina, vLLM, llama.cpp": `{"id":"x","results":[{"index":1,"relevance_score":7.5,"document":{"text":"b"}},{"index":0,"relevance_score":-11.25}],"meta":null}`,
		"a bare list":                   `[{"index":1,"score":7.5,"text":null},{"index":0,"score":-11.25}]`,
		"data":                          `{"object":"list","data":[{"index":0,"relevance_score":-11.25},{"index":1,"relevance_score":7.5}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, body))
			scores, err := newTest(t, s, nil).Rerank(t.Context(), "which?", []string{"a", "b"})
			require.NoError(t, err)
			require.Equal(t, []float64{-11.25, 7.5}, scores)
			require.Equal(t, []map[string]any{{"model": "judge", "query": "which?", "documents": []any{"a", "b"}, "top_n": 2.0}}, s.asked)
			require.Equal(t, []string{"Bearer " + testKey}, s.auth)
		})
	}
	s := serve(t, says(500, ""))
	scores, err := newTest(t, s, nil).Rerank(t.Context(), "which?", nil)
	require.NoError(t, err)
	require.Empty(t, scores)
	require.Empty(t, s.asked, "nothing to ask")
}

// text-embeddings-inference wants the passages in another field. The first request still uses the common one.
func TestRerankSpeaksTheOtherForm(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request, asked map[string]any) {
		if asked["texts"] == nil {
			says(422, "Failed to deserialize the JSON body into the target type: missing field `texts` at line 1")(w, r, asked)
			return
		}
		says(200, `[{"index":0,"score":0.25}]`)(w, r, asked)
	})
	r := newTest(t, s, nil)
	for range 2 {
		scores, err := r.Rerank(t.Context(), "which?", []string{"a"})
		require.NoError(t, err)
		require.Equal(t, []float64{0.25}, scores)
	}
	require.Len(t, s.asked, 3)
	require.Equal(t, map[string]any{"model": "judge", "query": "which?", "texts": []any{"a"}, "truncate": true}, s.asked[2])
}

func TestRerankRefusesNonsense(t *testing.T) {
	one := func(index int, score string) string {
		return fmt.Sprintf(`{"index":%d,"relevance_score":%s}`, index, score)
	}
	results := func(list ...string) string { return `{"results":[` + strings.Join(list, ",") + `]}` }
	for name, c := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		says   string
	}{
		"too few":           {200, results(one(0, "1")), fault.Invalid, "1 scores for 2"},
		"too many":          {200, results(one(0, "1"), one(1, "1"), one(1, "1")), fault.Invalid, "3 scores for 2"},
		"none":              {200, results(), fault.Invalid, "0 scores"},
		"an empty object":   {200, `{}`, fault.Invalid, "0 scores"},
		"null":              {200, `null`, fault.Invalid, "0 scores"},
		"a number":          {200, `7`, fault.Invalid, "form"},
		"a text":            {200, `{"results":"none"}`, fault.Invalid, "form"},
		"one twice":         {200, results(one(0, "1"), one(0, "2")), fault.Invalid, "numbered"},
		"a wrong index":     {200, results(one(0, "1"), one(2, "2")), fault.Invalid, "numbered"},
		"a negative index":  {200, results(one(0, "1"), one(-1, "2")), fault.Invalid, "numbered"},
		"no index":          {200, results(one(0, "1"), `{"relevance_score":1}`), fault.Invalid, "numbered"},
		"no score":          {200, results(one(0, "1"), `{"index":1}`), fault.Invalid, "not a number"},
		"a null":            {200, results(one(0, "1"), one(1, "null")), fault.Invalid, "not a number"},
		"NaN":               {200, results(one(0, "1"), one(1, "NaN")), fault.Invalid, "not JSON"},
		"an endless number": {200, results(one(0, "1"), one(1, "1e999")), fault.Invalid, "form"},
		"a huge answer":     {200, results(one(0, "1"), one(1, strings.Repeat("1", maxAnswer))), fault.Invalid, "more than"},
		"broken off":        {200, `{"results":[{"index"`, fault.Unavailable, "in the middle of its answer"},
		"nothing":           {200, ``, fault.Unavailable, ""},
		"a failure":         {500, `{"error":"` + testText + `"}`, fault.Unavailable, "(500)"},
		"a refusal":         {400, `{"error":"` + testText + `"}`, fault.Invalid, "LETHE_RERANK_MODEL"},
		"a wrong key":       {401, `{}`, fault.Invalid, "LETHE_RERANK_API_KEY"},
		"no such thing":     {404, `{}`, fault.Invalid, "LETHE_RERANK_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(c.status, c.body))
			scores, err := newTest(t, s, nil).Rerank(t.Context(), testText, []string{testText, testText})
			require.Nil(t, scores)
			require.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			require.Contains(t, fault.Message(err), c.says)
			require.NotContains(t, err.Error(), testText)
			require.NotContains(t, err.Error(), testKey)
			require.Len(t, s.asked, 1, "somebody waits: there is one attempt")
		})
	}
}

func TestRerankWaitsForNobody(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request, _ map[string]any) { <-r.Context().Done() })
	r := newTest(t, s, func(o *modelhttp.Endpoint) { o.Timeout = 30 * time.Millisecond })
	_, err := r.Rerank(t.Context(), "x", []string{"a"})
	require.Contains(t, fault.Message(err), "did not answer within 30ms")
	_, err = r.Rerank(t.Context(), "x", []string{"a"})
	require.True(t, modelhttp.Resting(err), "it is left alone for a while")
	require.Len(t, s.asked, 1)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newTest(t, s, nil).Rerank(ctx, "x", []string{"a"})
	require.Equal(t, fault.Canceled, fault.KindOf(err))
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []modelhttp.Endpoint{{}, {URL: "http://x"}, {Model: "m"}, {URL: "ftp://x", Model: "m"}} {
		r, err := NewRemote(o)
		require.Nil(t, r)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		require.True(t, slices.ContainsFunc([]string{"LETHE_RERANK_URL", "LETHE_RERANK_MODEL"}, func(name string) bool { return strings.Contains(fault.Message(err), name) }))
	}
}
