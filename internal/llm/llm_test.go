package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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

// server is a chat server on loopback that answers with one function.
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
		if json.Unmarshal(body, &asked) != nil || r.URL.Path != "/v1/chat/completions" || r.Method != http.MethodPost {
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

func answer(content string) string {
	quoted, _ := json.Marshal(content)
	return fmt.Sprintf(`{"id":"x","object":"chat.completion","model":"writer-2026","choices":[{"index":0,"message":{"role":"assistant","content":%s,"refusal":null},"finish_reason":"stop"}],"usage":{}}`, quoted)
}

func newTest(t *testing.T, s *server, change func(*modelhttp.Endpoint)) *Remote {
	t.Helper()
	o := modelhttp.Endpoint{URL: s.URL + "/v1/", Model: "writer", APIKey: testKey, HTTPClient: s.Client()}
	if change != nil {
		change(&o)
	}
	r, err := NewRemote(o)
	require.NoError(t, err)
	return r
}

func TestWriteAsksAndReads(t *testing.T) {
	for content, want := range map[string]string{
		" A text. [1]\n":                       "A text. [1]",
		"<think>\nhm\n</think>\n\nA text. [1]": "A text. [1]",
		"hm</think>A text. [1]":                "A text. [1]",
		"He wrote <think> into it.":            "He wrote <think> into it.",
	} {
		s := serve(t, says(200, answer(content)))
		r := newTest(t, s, nil)
		text, err := r.Write(t.Context(), Task{Rules: "be brief", Text: "what?", MaxTokens: 77})
		require.NoError(t, err)
		require.Equal(t, want, text)
		require.Equal(t, "writer", r.Model())
		require.Equal(t, []map[string]any{{
			"model": "writer", "max_tokens": 77.0, "temperature": 0.0,
			"messages": []any{map[string]any{"role": "system", "content": "be brief"}, map[string]any{"role": "user", "content": "what?"}},
		}}, s.asked)
		require.Equal(t, []string{"Bearer " + testKey}, s.auth)
	}
}

// Newer models of OpenAI need other fields. They get them after one refusal.
func TestWriteSpeaksTheOtherForm(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request, asked map[string]any) {
		if asked["max_tokens"] != nil {
			says(400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model.","type":"invalid_request_error"}}`)(w, r, asked)
			return
		}
		says(200, answer("A text. [1]"))(w, r, asked)
	})
	r := newTest(t, s, nil)
	for range 2 {
		text, err := r.Write(t.Context(), Task{Text: "what?", MaxTokens: 77})
		require.NoError(t, err)
		require.Equal(t, "A text. [1]", text)
	}
	require.Len(t, s.asked, 3)
	require.Equal(t, 77.0+thinking, s.asked[2]["max_completion_tokens"])
	require.NotContains(t, s.asked[2], "temperature")
}

func TestWriteFails(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		says   string
	}{
		"a blank text":         {200, answer(" \n"), fault.Invalid, "blank"},
		"nothing but thoughts": {200, answer("<think> and so on"), fault.Invalid, "blank"},
		"no text":              {200, `{"choices":[{"message":{"content":null}}]}`, fault.Invalid, "blank"},
		"no choice":            {200, `{"choices":[]}`, fault.Invalid, "form"},
		"another form":         {200, `{"choices":"a"}`, fault.Invalid, "form"},
		"text in parts":        {200, `{"choices":[{"message":{"content":["a"]}}]}`, fault.Invalid, "form"},
		"null":                 {200, `null`, fault.Invalid, "form"},
		"a refusal":            {200, `{"choices":[{"message":{"content":null,"refusal":"` + testText + `"}}]}`, fault.Invalid, "refused to write"},
		"a filter":             {200, `{"choices":[{"message":{"content":"` + testText + `"},"finish_reason":"content_filter"}]}`, fault.Invalid, "refused to write"},
		"a huge answer":        {200, answer(strings.Repeat("x", maxAnswer)), fault.Invalid, "more than"},
		"broken off":           {200, answer("x")[:40], fault.Unavailable, "in the middle of its answer"},
		"a failure":            {500, `{"error":"` + testText + `"}`, fault.Unavailable, "(500)"},
		"too many requests":    {429, `{"error":"` + testText + `"}`, fault.Unavailable, "(429)"},
		"too much text":        {400, `{"error":"maximum context length is 4096, max_tokens"}`, fault.Invalid, "too long"},
		"a wrong key":          {401, `{"error":"` + testKey + `"}`, fault.Invalid, "LETHE_LLM_API_KEY"},
		"no such model":        {404, `{}`, fault.Invalid, "LETHE_LLM_MODEL"},
		"somewhere else":       {307, `{}`, fault.Invalid, "LETHE_LLM_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(c.status, c.body))
			text, err := newTest(t, s, nil).Write(t.Context(), Task{Text: testText, MaxTokens: 10})
			require.Empty(t, text)
			require.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			require.Contains(t, fault.Message(err), c.says)
			require.NotContains(t, err.Error(), testText)
			require.NotContains(t, err.Error(), testKey)
			require.Len(t, s.asked, 1)
		})
	}
}

func TestWriteWaitsForNobody(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request, _ map[string]any) { <-r.Context().Done() })
	r := newTest(t, s, func(o *modelhttp.Endpoint) { o.Timeout = 30 * time.Millisecond })
	_, err := r.Write(t.Context(), Task{Text: "x"})
	require.Contains(t, fault.Message(err), "did not answer within 30ms")
	_, err = r.Write(t.Context(), Task{Text: "x"})
	require.True(t, modelhttp.Resting(err), "it is left alone for a while")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newTest(t, s, nil).Write(ctx, Task{Text: "x"})
	require.Equal(t, fault.Canceled, fault.KindOf(err))
}

func TestOptionsAreChecked(t *testing.T) {
	for says, o := range map[string]modelhttp.Endpoint{"LETHE_LLM_URL": {Model: "m"}, "LETHE_LLM_MODEL": {URL: "http://x"}} {
		r, err := NewRemote(o)
		require.Nil(t, r)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		require.Contains(t, fault.Message(err), says)
	}
}
