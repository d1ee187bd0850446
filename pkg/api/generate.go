package api

// The contract is the source: these write the types here, the server interface
// and the bare client from openapi.yaml. TestGeneratedCodeIsCurrent holds the
// files to it.
//
//go:generate go tool oapi-codegen -config types.cfg.yaml ../../openapi.yaml
//go:generate go tool oapi-codegen -config ../../internal/server/wire/server.cfg.yaml ../../openapi.yaml
//go:generate go tool oapi-codegen -config ../client/raw/client.cfg.yaml ../../openapi.yaml
