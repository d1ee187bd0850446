// Package api holds the types of Lethe's HTTP API, as openapi.yaml defines them, for clients
// and for the server. Most of it is generated. It owns no rules and imports no package of
// the service.
package api
