package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/server/wire"
)

// route is one line of the table: what is asked, which scope a key needs for it
// (none: no key at all), how large its body may be, and who answers.
type route struct {
	method  string
	path    string
	scope   auth.Scope
	maxBody int64
	handler echo.HandlerFunc
}

const noKey auth.Scope = ""

// handlers are those of every API there is.
type handlers struct {
	*memoryPlugin
	*fini
}

var _ wire.StrictServerInterface = handlers{}

// routes is every route there is. TestRoutesEqualSpec holds it to openapi.yaml.
func (s *Server) routes() []route {
	api := wire.ServerInterfaceWrapper{Handler: wire.NewStrictHandler(
		handlers{
			&memoryPlugin{history: s.history, maxLine: s.options.MaxUpload},
			&fini{history: s.history},
		}, []wire.StrictMiddlewareFunc{s.limitTime})}
	docs := newDocs()
	body, upload := s.options.MaxBody, s.options.MaxUpload

	return []route{
		{http.MethodGet, "/api/chat-history/chats", auth.Read, 0, api.ListConversations},
		{http.MethodDelete, "/api/chat-history/chats", auth.Write, body, api.DeleteConversations},
		{http.MethodPost, "/api/chat-history/chats/delete", auth.Write, body, api.DeleteConversationsByPost},
		{http.MethodPost, "/api/chat-history/chats/delete-matching", auth.Write, body, api.DeleteMatchingConversations},
		{http.MethodPost, "/api/chat-history/chats/delete-unchanged", auth.Write, maxRevisions, api.DeleteUnchangedConversations},
		{http.MethodPost, "/api/chat-history/exclusions/lift", auth.Write, body, api.LiftExclusions},
		{http.MethodGet, "/api/chat-history/conversation", auth.Read, 0, api.GetConversation},
		{http.MethodPatch, "/api/chat-history/conversation", auth.Write, body, api.EditConversation},
		{http.MethodGet, "/api/chat-history/count", auth.Read, 0, api.CountConversations},
		{http.MethodPost, "/api/chat-history/ingest/custom-online", auth.Write, upload, api.UploadConversation},
		{http.MethodPost, "/api/chat-history/search", auth.Read, body, api.SearchChatHistory},
		{http.MethodPost, "/api/chat-history/inject", auth.Read, body, api.Recall},
		{http.MethodGet, "/api/chat-history/imports", auth.Read, 0, api.ListImports},
		{http.MethodGet, "/api/chat-history/imports/:id", auth.Read, 0, api.GetImport},
		{http.MethodGet, "/api/chat-history/deletions", auth.Read, 0, api.ListDeletions},
		{http.MethodGet, "/api/chat-history/deletions/:id", auth.Read, 0, api.GetDeletion},
		{http.MethodPost, "/api/chat-history/import", auth.Write, streamed, api.ImportConversations},
		{http.MethodGet, "/api/chat-history/export", auth.Read, 0, api.ExportConversations},
		{http.MethodGet, "/api/chat-history/stats", auth.Read, 0, api.GetStats},

		{http.MethodGet, "/v2/hc-interactions/public", auth.Read, 0, api.ListPublicConversations},
		{http.MethodDelete, "/v2/hc-interactions/public", auth.Write, body, api.DeletePublicConversations},
		{http.MethodGet, "/v2/hc-interactions/:id/public", auth.Read, 0, api.GetPublicConversation},
		{http.MethodDelete, "/v2/hc-interactions/:id/public", auth.Write, 0, api.DeletePublicConversation},

		{http.MethodGet, "/healthz", noKey, 0, s.health},
		{http.MethodGet, "/readyz", noKey, 0, s.readiness},
		{http.MethodGet, "/metrics", noKey, 0, s.metrics()},
		{http.MethodGet, "/openapi.yaml", noKey, 0, openAPI},
		{http.MethodGet, "/docs", noKey, 0, docs.page},
		{http.MethodGet, "/docs/*", noKey, 0, docs.file}, // what the page is made of
	}
}

// register puts before each handler what its line of the table asks for: first
// the key, then its rate, then the size of the body.
func (s *Server) register() {
	for _, r := range s.routes() {
		var before []echo.MiddlewareFunc
		if r.scope != noKey {
			before = append(before, s.authorize(r.scope), s.limitRate)
		}
		s.echo.Add(r.method, r.path, r.handler, append(before, limitBody(r.maxBody))...)
	}
}
