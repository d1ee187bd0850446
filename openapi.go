// Package lethe contains the contract of the service, openapi.yaml, so that the program serves exactly the bytes that
// it was generated from. It contains nothing else.
package lethe

import _ "embed" // for the contract

// OpenAPI is openapi.yaml, byte for byte.
//
//go:embed openapi.yaml
var OpenAPI []byte
