package loose

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

func decode[T any](t *testing.T, value string) T {
	t.Helper()
	var got struct {
		At   T
		Then int
	}
	require.NoError(t, json.Unmarshal([]byte(`{"At":`+value+`,"Then":7}`), &got), value)
	require.Equal(t, 7, got.Then, "what follows %s", value)
	return got.At
}

type inner struct{ A Text }

func TestMaybe(t *testing.T) {
	require.Equal(t, inner{"x"}, decode[Maybe[inner]](t, `{"A":"x"}`).Value)
	require.Equal(t, []inner{{"x"}}, decode[Maybe[[]inner]](t, `[{"A":"x"}]`).Value)
	require.Equal(t, map[string]inner{"k": {"x"}}, decode[Maybe[map[string]inner]](t, `{"k":{"A":"x"}}`).Value)
	require.Equal(t, `"text"`, string(decode[Maybe[[]inner]](t, `"text"`).Other))
	require.Equal(t, `[1]`, string(decode[Maybe[inner]](t, `[1]`).Other))
	require.Nil(t, decode[Maybe[inner]](t, `null`).Other)
}

func TestEmbedded(t *testing.T) {
	require.Equal(t, []inner{{"x"}}, decode[Embedded[[]inner]](t, `[{"A":"x"}]`).Value)
	twice := decode[Embedded[[]inner]](t, `"[{\"A\":\"x\"}]"`)
	require.Equal(t, []inner{{"x"}}, twice.Value)
	require.True(t, twice.Twice)
	text := decode[Embedded[[]inner]](t, `"only text"`)
	require.Equal(t, `"only text"`, string(text.Other))
	require.False(t, text.Twice)
}
