// Package server is the HTTP transport: it knows Echo, and nothing else does. It
// owns routes, middleware, the translation between the wire (pkg/api) and the
// front door (internal/history), and which status an error becomes. It holds no
// rule about chats: a handler binds, calls history, translates and returns.
//
// To follow a request: routes.go names its handler and what stands before it,
// memoryplugin_*.go or fini_*.go has the handler, errors.go renders what it returns.
package server
