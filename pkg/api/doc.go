// Package api holds the types of Lethe's HTTP API as openapi.yaml defines them,
// for clients and for the server alike. Most of it is generated; it owns no
// rules and imports nothing of the service.
package api
