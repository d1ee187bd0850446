package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
)

// route is one line of the table: what is asked, what the front door is asked to do
// for it (which decides who may, and how long it may take), how large its body may
// be, and who answers.
type route struct {
	method  string
	path    string
	does    history.Operation
	maxBody int64
	answer  func(*keyed, echo.Context) error
}

// keyed has the handlers of one request with a key.
type keyed = wire.ServerInterfaceWrapper

// handlers are those of every API there is.
type handlers struct {
	*memoryPlugin
	*fini
}

var _ wire.StrictServerInterface = handlers{}

// routes are those that need a key. TestRoutesEqualSpec holds all routes to
// openapi.yaml.
func (s *Server) routes() []route {
	body, upload := s.options.MaxBody, s.options.MaxUpload
	return []route{
		{http.MethodGet, "/api/chat-history/chats", history.OpConversations, 0, (*keyed).ListConversations},
		{http.MethodDelete, "/api/chat-history/chats", history.OpDeleteConversations, body, (*keyed).DeleteConversations},
		{http.MethodPost, "/api/chat-history/chats/delete", history.OpDeleteConversations, body, (*keyed).DeleteConversationsByPost},
		{http.MethodPost, "/api/chat-history/chats/delete-matching", history.OpDeleteMatching, body, (*keyed).DeleteMatchingConversations},
		{http.MethodPost, "/api/chat-history/chats/delete-unchanged", history.OpDeleteUnchanged, maxRevisions, (*keyed).DeleteUnchangedConversations},
		{http.MethodPost, "/api/chat-history/exclusions/lift", history.OpLiftExclusions, body, (*keyed).LiftExclusions},
		{http.MethodGet, "/api/chat-history/conversation", history.OpTranscript, 0, (*keyed).GetConversation},
		{http.MethodPatch, "/api/chat-history/conversation", history.OpEdit, body, (*keyed).EditConversation},
		{http.MethodGet, "/api/chat-history/count", history.OpCount, 0, (*keyed).CountConversations},
		{http.MethodPost, "/api/chat-history/ingest/custom-online", history.OpIngest, upload, (*keyed).UploadConversation},
		{http.MethodPost, "/api/chat-history/search", history.OpSearch, body, (*keyed).SearchChatHistory},
		{http.MethodPost, "/api/chat-history/inject", history.OpRecall, body, (*keyed).Recall},
		{http.MethodGet, "/api/chat-history/imports", history.OpImports, 0, (*keyed).ListImports},
		{http.MethodGet, "/api/chat-history/imports/:id", history.OpImport, 0, (*keyed).GetImport},
		{http.MethodGet, "/api/chat-history/deletions", history.OpDeletions, 0, (*keyed).ListDeletions},
		{http.MethodGet, "/api/chat-history/deletions/:id", history.OpDeletion, 0, (*keyed).GetDeletion},
		{http.MethodPost, "/api/chat-history/import", history.OpImportFile, streamed, (*keyed).ImportConversations},
		{http.MethodGet, "/api/chat-history/export", history.OpExport, 0, (*keyed).ExportConversations},
		{http.MethodGet, "/api/chat-history/stats", history.OpStats, 0, (*keyed).GetStats},

		{http.MethodGet, "/v2/hc-interactions/public", history.OpWalk, 0, (*keyed).ListPublicConversations},
		{http.MethodDelete, "/v2/hc-interactions/public", history.OpDeleteBulk, body, (*keyed).DeletePublicConversations},
		{http.MethodGet, "/v2/hc-interactions/:id/public", history.OpTranscript, 0, (*keyed).GetPublicConversation},
		{http.MethodDelete, "/v2/hc-interactions/:id/public", history.OpDeleteConversations, 0, (*keyed).DeletePublicConversation},
	}
}

// openRoute is one line of the table of what needs no key. None takes a body.
type openRoute struct {
	path    string
	handler echo.HandlerFunc
}

func (s *Server) openRoutes() []openRoute {
	docs := newDocs()
	return []openRoute{
		{"/healthz", s.health},
		{"/readyz", s.readiness},
		{"/metrics", s.metrics()},
		{"/openapi.yaml", openAPI},
		{"/docs", docs.page},
		{"/docs/*", docs.file}, // what the page is made of
	}
}

// register adds every route there is.
func (s *Server) register() {
	for _, r := range s.routes() {
		s.echo.Add(r.method, r.path, s.withKey(r))
	}
	for _, r := range s.openRoutes() {
		s.echo.GET(r.path, r.handler, limitBody(0))
	}
}
