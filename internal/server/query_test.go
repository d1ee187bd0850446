package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe"
)

// A parameter that is missing in the list would be ignored in another spelling.
func TestParametersAreThoseOfTheSpec(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(lethe.OpenAPI)
	require.NoError(t, err)
	destroys := map[string]bool{} // these read their own parameters, in any case
	for _, r := range New(Options{}).Routes() {
		destroys[r.Method+" "+r.Path] = r.Destroys
	}
	var want []string
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, p := range operation.Parameters {
				if !destroys[method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path)] && p.Value.In == openapi3.ParameterInQuery {
					want = append(want, p.Value.Name)
				}
			}
		}
	}
	slices.Sort(want)
	require.Equal(t, slices.Compact(want), parameters)
}
