package api

// openapi.yaml is the source. These commands generate the types here, the server interface
// and the raw client from it. `make generate-check` checks that they are up to
// date.
//
//go:generate go tool oapi-codegen -config types.cfg.yaml ../../openapi.yaml
//go:generate go tool oapi-codegen -config ../../internal/server/wire/server.cfg.yaml ../../openapi.yaml
//go:generate go tool oapi-codegen -config ../client/raw/client.cfg.yaml ../../openapi.yaml
