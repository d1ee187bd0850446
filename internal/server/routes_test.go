package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/server"
)

// request is a request that a route accepts.
type request struct {
	method, path, body string
	scope              auth.Scope
	destroys           bool
}

// examples has a request for each route that needs a key, and the scope that it needs.
var examples = map[string]struct {
	path, body string
	scope      auth.Scope
}{
	"GET /api/chat-history/chats":                      {"/api/chat-history/chats", "", auth.Read},
	"DELETE /api/chat-history/chats":                   {"/api/chat-history/chats", `{"ids":["a"]}`, auth.Write},
	"POST /api/chat-history/chats/delete":              {"/api/chat-history/chats/delete", `{"ids":["a"]}`, auth.Write},
	"POST /api/chat-history/chats/delete-matching":     {"/api/chat-history/chats/delete-matching", `{"filter":{"provider":"nobody"}}`, auth.Write},
	"POST /api/chat-history/chats/delete-unchanged":    {"/api/chat-history/chats/delete-unchanged", `{"conversations":[{"id":"a","revision":1}]}`, auth.Write},
	"POST /api/chat-history/exclusions/lift":           {"/api/chat-history/exclusions/lift", `{"ids":["a"]}`, auth.Write},
	"POST /api/chat-history/reindex":                   {"/api/chat-history/reindex", `{"failed":true}`, auth.Write},
	"GET /api/chat-history/conversation":               {"/api/chat-history/conversation?conversationId=a", "", auth.Read},
	"PATCH /api/chat-history/conversation":             {"/api/chat-history/conversation", `{"conversationId":"a","pinned":true}`, auth.Write},
	"GET /api/chat-history/count":                      {"/api/chat-history/count", "", auth.Read},
	"POST /api/chat-history/ingest/custom-online":      {uploadPath, `{"conversation":{"id":"c","messages":[{"role":"human","content":"hello"}]}}`, auth.Write},
	"POST /api/chat-history/search":                    {searchPath, `{"query":"hello"}`, auth.Read},
	"POST /api/chat-history/inject":                    {recallPath, `{"query":"hello"}`, auth.Read},
	"POST /api/chat-history/summaries/get-or-generate": {"/api/chat-history/summaries/get-or-generate", `{"conversationId":"a"}`, auth.Read},
	"GET /api/chat-history/imports":                    {"/api/chat-history/imports", "", auth.Read},
	"GET /api/chat-history/imports/:id":                {"/api/chat-history/imports/a", "", auth.Read},
	"POST /api/chat-history/imports":                   {"/api/chat-history/imports", `{"fileName":"a.zip"}`, auth.Write},
	"POST /api/chat-history/imports/:id/conversations": {"/api/chat-history/imports/a/conversations?part=1", `{"conversation":{"id":"e","messages":[{"role":"human","content":"hello"}]}}`, auth.Write},
	"POST /api/chat-history/imports/:id/progress":      {"/api/chat-history/imports/a/progress", `{"bytesRead":1}`, auth.Write},
	"POST /api/chat-history/imports/:id/finish":        {"/api/chat-history/imports/a/finish", `{"state":"done"}`, auth.Write},
	"GET /api/chat-history/events":                     {"/api/chat-history/events?kind=neither", "", auth.Read},
	"GET /api/chat-history/imports/:id/events":         {"/api/chat-history/imports/a/events", "", auth.Read},
	"POST /api/chat-history/imports/:id/stop":          {"/api/chat-history/imports/a/stop", "", auth.Write},
	"GET /api/chat-history/deletions":                  {"/api/chat-history/deletions", "", auth.Read},
	"GET /api/chat-history/deletions/:id":              {"/api/chat-history/deletions/a", "", auth.Read},
	"POST /api/chat-history/import":                    {"/api/chat-history/import", `{"conversation":{"id":"d","messages":[{"role":"human","content":"hello"}]}}`, auth.Write},
	"GET /api/chat-history/export":                     {"/api/chat-history/export", "", auth.Read},
	"GET /api/chat-history/stats":                      {"/api/chat-history/stats", "", auth.Read},
	"GET /v2/hc-interactions/public":                   {"/v2/hc-interactions/public", "", auth.Read},
	"DELETE /v2/hc-interactions/public":                {"/v2/hc-interactions/public", `{"ids":["0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"]}`, auth.Write},
	"POST /v2/hc-interactions/public/delete":           {"/v2/hc-interactions/public/delete", `{"ids":["0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"]}`, auth.Write},
	"GET /v2/bots/public":                              {"/v2/bots/public", "", auth.Read},
	"GET /v2/hc-interactions/:id/public":               {"/v2/hc-interactions/a/public", "", auth.Read},
	"DELETE /v2/hc-interactions/:id/public":            {"/v2/hc-interactions/a/public", "", auth.Write},
	"GET /api/chat-history/messages":                   {"/api/chat-history/messages?conversationId=a", "", auth.Read},
	"DELETE /api/chat-history/messages":                {"/api/chat-history/messages", `{"conversationId":"a","messageIds":["b"]}`, auth.Write},
	"POST /api/chat-history/messages/delete":           {"/api/chat-history/messages/delete", `{"conversationId":"a","messageIds":["b"]}`, auth.Write},
	"GET /api/chat-history/messages/hits":              {"/api/chat-history/messages/hits?conversationId=a&query=b", "", auth.Read},
	"POST /api/chat-history/chats/delete-preview":      {"/api/chat-history/chats/delete-preview", `{"ids":["a"]}`, auth.Read},
	"POST /v4/conversations":                           {"/v4/conversations", `{"conversationId":"c","messages":[{"role":"user","content":"hello"}]}`, auth.Write},
	"POST /v3/documents":                               {"/v3/documents", `{"content":"hello"}`, auth.Write},
	"DELETE /v3/documents/bulk":                        {"/v3/documents/bulk", `{"ids":["0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"]}`, auth.Write},
	"GET /v3/documents/:id":                            {"/v3/documents/a", "", auth.Read},
	"DELETE /v3/documents/:id":                         {"/v3/documents/a", "", auth.Write},
	"POST /v3/search":                                  {"/v3/search", `{"q":"hello"}`, auth.Read},
	"POST /v4/search":                                  {"/v4/search", `{"q":"hello"}`, auth.Read},
	"POST /mcp":                                        {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, ""},
	"POST /api/mcp/mcp":                                {"/api/mcp/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, ""},
	"GET /api/me":                                      {"/api/me", "", ""},
	"GET /api/keys":                                    {"/api/keys", "", auth.Admin},
	"POST /api/keys":                                   {"/api/keys", `{"name":"new","workspace":"default","scopes":["read"]}`, auth.Admin},
	"DELETE /api/keys/:id":                             {"/api/keys/a", "", auth.Admin},
	"GET /api/workspaces":                              {"/api/workspaces", "", auth.Admin},
	"POST /api/workspaces":                             {"/api/workspaces", `{"name":"new"}`, auth.Admin},
	"POST /api/page/code":                              {"/api/page/code", "", auth.Admin},
}

// every returns a request for each route that needs a key. A route without an example
// fails the test.
func every(t testing.TB) (list []request) {
	t.Helper()
	for _, r := range server.New(server.Options{}).Routes() {
		example, ok := examples[r.Method+" "+r.Path]
		require.True(t, ok, "%s %s has no example", r.Method, r.Path)
		list = append(list, request{r.Method, example.path, example.body, example.scope, r.Destroys})
	}
	require.Len(t, list, len(examples), "there are examples of routes that no longer exist")
	return list
}
