// Package raw is the generated HTTP client of openapi.yaml (pkg/api/generate.go): one
// method for each operation, without keys, retries and error values. Package client adds
// those; use it instead.
package raw
