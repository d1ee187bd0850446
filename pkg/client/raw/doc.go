// Package raw is the bare HTTP client of openapi.yaml: one method an operation,
// no retries, no keys, no error values. All of it is generated
// (pkg/api/generate.go). Use package client, which is built on it.
package raw
