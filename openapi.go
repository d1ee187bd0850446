// Package lethe holds the service's contract, openapi.yaml, so that the program
// can serve the very bytes that it was generated from. It owns nothing else.
package lethe

import _ "embed" // for the contract

// OpenAPI is openapi.yaml, byte for byte.
//
//go:embed openapi.yaml
var OpenAPI []byte
