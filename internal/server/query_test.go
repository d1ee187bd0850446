package server

import (
	"net/http"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe"
)

// A parameter that is missing in the list would be ignored in another spelling.
func TestParametersAreThoseOfTheSpec(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(lethe.OpenAPI)
	require.NoError(t, err)
	var want []string
	for _, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, p := range operation.Parameters {
				if method != http.MethodDelete && p.Value.In == openapi3.ParameterInQuery {
					want = append(want, p.Value.Name)
				}
			}
		}
	}
	slices.Sort(want)
	require.Equal(t, slices.Compact(want), parameters)
}
