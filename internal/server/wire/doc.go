// Package wire is the server's side of openapi.yaml: the strict interface that the handlers
// implement, and the code that binds a request to it. All of it is generated
// (pkg/api/generate.go).
package wire
