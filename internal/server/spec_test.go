package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server/servertest"
)

// longestDescription is the most characters of a description in openapi.yaml: some programs
// that make tools of it refuse more. Longer
// explanations belong in docs/api.md, where they are not copied into generated code.
const longestDescription = 300

func TestDescriptionsOfTheSpecAreShort(t *testing.T) {
	doc, err := servertest.Spec()
	require.NoError(t, err)
	data, err := doc.MarshalJSON()
	require.NoError(t, err)
	var spec any
	require.NoError(t, json.Unmarshal(data, &spec))
	found := descriptions("", spec)
	require.Greater(t, len(found), 200, "the walk finds the descriptions")
	for place, text := range found {
		require.LessOrEqual(t, len(text), longestDescription, "the description at %s; move the details to docs/api.md", place)
	}
}

// descriptions returns every description in a JSON document, by its place.
func descriptions(place string, v any) map[string]string {
	found := map[string]string{}
	add := func(place string, v any) {
		for p, text := range descriptions(place, v) {
			found[p] = text
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if text, ok := value.(string); ok && name == "description" {
				found[place] = text
				continue
			}
			add(place+"/"+name, value)
		}
	case []any:
		for i, value := range v {
			add(fmt.Sprintf("%s/%d", place, i), value)
		}
	}
	return found
}

// Programs that are generated from the document send the default of a parameter without being asked
// to. So a parameter that is refused beside a body has none.
func TestParametersInsteadOfABodyHaveNoDefault(t *testing.T) {
	doc, err := servertest.Spec()
	require.NoError(t, err)
	operation := doc.Paths.Value("/api/chat-history/chats").Delete
	require.NotNil(t, operation.RequestBody)
	inQuery := slices.DeleteFunc(slices.Clone(operation.Parameters), func(p *openapi3.ParameterRef) bool { return p.Value.In != openapi3.ParameterInQuery })
	require.Len(t, inQuery, 3)
	for _, p := range inQuery {
		require.Nil(t, p.Value.Schema.Value.Default, p.Value.Name)
	}
}
