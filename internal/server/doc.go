// Package server is the HTTP transport and the only package that knows Echo. It owns
// routes, middleware, the translation between the wire (pkg/api) and the front door
// (internal/history), and which status an error becomes. It contains no rule about chats: a
// handler binds, calls history, translates and returns.
//
// To follow a request: routes.go names its handler and its checks, memoryplugin_*.go or
// fini_*.go has the handler, and errors.go renders errors.
package server
