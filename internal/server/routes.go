package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
)

// route is one line of the table: the method and path, the operation of the front door (which decides who may call it
// and how long it may take), the largest body, how strictly the request is read, and the handler.
type route struct {
	method  string
	path    string
	does    history.Operation
	maxBody int64
	reading reading
	answer  func(*keyed, echo.Context) error
}

// keyed returns a handler for one request with a key.
type keyed = wire.ServerInterfaceWrapper

// handlers are the handlers of all APIs.
type handlers struct {
	*memoryPlugin
	*fini
	*documents
	*administration
}

var _ wire.StrictServerInterface = handlers{}

// routes are the routes that need a key. TestRoutesEqualSpec compares all routes with
// openapi.yaml.
func (s *Server) routes() []route {
	body, upload := s.options.MaxBody, s.options.MaxUpload
	return []route{
		{http.MethodGet, "/api/chat-history/chats", history.OpConversations, 0, lenient, (*keyed).ListConversations},
		{http.MethodDelete, "/api/chat-history/chats", history.OpDeleteConversations, body, vendors("ids", "exclude", "wait").orQuery(), (*keyed).DeleteConversations},
		{http.MethodPost, "/api/chat-history/chats/delete", history.OpDeleteConversations, body, vendors(), (*keyed).DeleteConversationsByPost},
		{http.MethodPost, "/api/chat-history/chats/delete-matching", history.OpDeleteMatching, body, ours, (*keyed).DeleteMatchingConversations},
		{http.MethodPost, "/api/chat-history/chats/delete-unchanged", history.OpDeleteUnchanged, maxRevisions, ours, (*keyed).DeleteUnchangedConversations},
		{http.MethodPost, "/api/chat-history/exclusions/lift", history.OpLiftExclusions, body, ours, (*keyed).LiftExclusions},
		{http.MethodPost, "/api/chat-history/reindex", history.OpReindexFailed, body, lenient, (*keyed).Reindex},
		{http.MethodGet, "/api/chat-history/conversation", history.OpRead, 0, lenient, (*keyed).GetConversation},
		{http.MethodPatch, "/api/chat-history/conversation", history.OpEdit, body, lenient, (*keyed).EditConversation},
		{http.MethodGet, "/api/chat-history/messages", history.OpMessages, 0, lenient, (*keyed).ListMessages},
		{http.MethodDelete, "/api/chat-history/messages", history.OpDeleteMessages, body, ours.withoutBody(noMessagesBody), (*keyed).DeleteMessages},
		{http.MethodPost, "/api/chat-history/messages/delete", history.OpDeleteMessages, body, ours, (*keyed).DeleteMessagesByPost},
		{http.MethodGet, "/api/chat-history/messages/hits", history.OpFind, 0, lenient, (*keyed).FindInConversation},
		{http.MethodPost, "/api/chat-history/chats/delete-preview", history.OpPreviewMatching, body, ours, (*keyed).PreviewDelete},
		{http.MethodGet, "/api/chat-history/count", history.OpCount, 0, lenient, (*keyed).CountConversations},
		{http.MethodPost, "/api/chat-history/ingest/custom-online", history.OpIngest, upload, lenient, (*keyed).UploadConversation},
		{http.MethodPost, "/api/chat-history/search", history.OpSearch, body, lenient, (*keyed).SearchChatHistory},
		{http.MethodPost, "/api/chat-history/inject", history.OpRecall, body, lenient, (*keyed).Recall},
		{http.MethodPost, "/api/chat-history/summaries/get-or-generate", history.OpSummary, body, lenient, (*keyed).SummarizeConversation},
		{http.MethodGet, "/api/chat-history/imports", history.OpImports, 0, lenient, (*keyed).ListImports},
		{http.MethodGet, "/api/chat-history/imports/:id", history.OpImport, 0, lenient, (*keyed).GetImport},
		{http.MethodPost, "/api/chat-history/imports", history.OpBeginImport, body, lenient, (*keyed).BeginImport},
		{http.MethodPost, "/api/chat-history/imports/:id/conversations", history.OpFeedImport, upload, linewise, (*keyed).FeedImport},
		{http.MethodPost, "/api/chat-history/imports/:id/progress", history.OpReportImport, body, lenient, (*keyed).ReportImport},
		{http.MethodPost, "/api/chat-history/imports/:id/finish", history.OpFinishImport, body, lenient, (*keyed).FinishImport},
		{http.MethodPost, "/api/chat-history/imports/:id/stop", history.OpStopImport, 0, lenient, (*keyed).StopImport},
		{http.MethodGet, "/api/chat-history/events", history.OpWatch, 0, lenient, (*keyed).WatchEvents},
		{http.MethodGet, "/api/chat-history/imports/:id/events", history.OpWatch, 0, lenient, (*keyed).WatchImport},
		{http.MethodGet, "/api/chat-history/deletions", history.OpDeletions, 0, lenient, (*keyed).ListDeletions},
		{http.MethodGet, "/api/chat-history/deletions/:id", history.OpDeletion, 0, lenient, (*keyed).GetDeletion},
		{http.MethodPost, "/api/chat-history/import", history.OpImportFile, streamed, lenient, (*keyed).ImportConversations},
		{http.MethodGet, "/api/chat-history/export", history.OpExport, 0, lenient, (*keyed).ExportConversations},
		{http.MethodGet, "/api/chat-history/stats", history.OpStats, 0, lenient, (*keyed).GetStats},

		{http.MethodGet, "/api/me", history.OpRights, 0, lenient, (*keyed).WhoAmI},
		{http.MethodGet, "/api/keys", history.OpKeys, 0, lenient, (*keyed).ListKeys},
		{http.MethodPost, "/api/keys", history.OpCreateKey, body, lenient, (*keyed).CreateKey},
		{http.MethodDelete, "/api/keys/:id", history.OpRevokeKey, body, ours.byPath(), (*keyed).RevokeKey},
		{http.MethodGet, "/api/workspaces", history.OpWorkspaces, 0, lenient, (*keyed).ListWorkspaces},
		{http.MethodPost, "/api/workspaces", history.OpCreateWorkspace, body, lenient, (*keyed).CreateWorkspace},
		{http.MethodPost, "/api/page/code", history.OpPageCode, body, lenient, (*keyed).CreatePageCode},

		{http.MethodGet, "/v2/hc-interactions/public", history.OpWalk, 0, lenient, (*keyed).ListPublicConversations},
		{http.MethodDelete, "/v2/hc-interactions/public", history.OpDeleteBulk, body, vendors("atomic").withoutBody(noBulkBody), (*keyed).DeletePublicConversations},
		{http.MethodPost, "/v2/hc-interactions/public/delete", history.OpDeleteBulk, body, vendors("atomic"), (*keyed).DeletePublicConversationsByPost},
		{http.MethodGet, "/v2/bots/public", history.OpWalk, 0, lenient, (*keyed).ListPublicBots},
		{http.MethodGet, "/v2/hc-interactions/:id/public", history.OpRead, 0, lenient, (*keyed).GetPublicConversation},
		{http.MethodDelete, "/v2/hc-interactions/:id/public", history.OpDeleteConversations, body, vendors().byPath(), (*keyed).DeletePublicConversation},

		{http.MethodPost, "/v4/conversations", history.OpIngest, upload, lenient, (*keyed).AddConversation},
		{http.MethodPost, "/v3/documents", history.OpIngest, upload, lenient, (*keyed).AddDocument},
		{http.MethodDelete, "/v3/documents/bulk", history.OpDeleteConversations, body, vendors().withoutBody(noDocumentsBody), (*keyed).DeleteDocuments},
		{http.MethodGet, "/v3/documents/:id", history.OpMessages, 0, lenient, (*keyed).GetDocument},
		{http.MethodDelete, "/v3/documents/:id", history.OpDeleteConversations, body, vendors().byPath(), (*keyed).DeleteDocument},
		{http.MethodPost, "/v3/search", history.OpSearch, body, lenient, (*keyed).SearchDocuments},
		{http.MethodPost, "/v4/search", history.OpSearch, body, lenient, (*keyed).SearchMemories},
	}
}

// openRoute is one line of the table of routes without a key. None of them takes a body.
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
		{"/openapi.json", openAPIAsJSON()},
		{"/", s.page.start},
		{"/page/*", s.page.file},
		{"/docs", docs.page},
		{"/docs/*", docs.file}, // what the page is made of
	}
}

// A Route describes one route with a key, for tests that must cover every route.
type Route struct {
	Method   string
	Path     string            // with :id and the like in the place of a value
	Does     history.Operation // empty for the routes of assistants
	HasBody  bool
	Destroys bool // what it does not understand of a request, it refuses
}

// Routes lists the routes with a key.
func (s *Server) Routes() []Route {
	var list []Route
	for _, r := range s.routes() {
		list = append(list, Route{r.method, r.path, r.does, r.maxBody != 0, r.reading.destroys})
	}
	for _, path := range agentPaths {
		list = append(list, Route{http.MethodPost, path, "", true, false})
	}
	return list
}

// register adds every route, and HEAD wherever there is GET; net/http leaves out the body of
// its answer.
func (s *Server) register() {
	for _, r := range s.routes() {
		s.echo.Add(r.method, r.path, s.withKey(r))
		if r.method == http.MethodGet {
			s.echo.HEAD(r.path, s.withKey(r))
		}
	}
	for _, path := range agentPaths {
		s.echo.POST(path, s.guarded(s.agentRoute(path), history.OpConfirmDelete, s.speak))
	}
	s.echo.POST("/api/page/session", s.exchangeCode, limitBody(maxCodeBody))
	for _, r := range s.openRoutes() {
		s.echo.GET(r.path, r.handler, limitBody(0))
		s.echo.HEAD(r.path, r.handler, limitBody(0))
	}
}
