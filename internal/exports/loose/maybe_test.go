package loose

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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

type fields struct {
	A  Text
	Is bool
}

func (f *fields) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	f.Is, err = Object(d, func(name []byte) error {
		if string(name) == "a" {
			return f.A.UnmarshalJSONFrom(d)
		}
		return d.SkipValue()
	})
	return err
}

func TestObject(t *testing.T) {
	for value, want := range map[string]fields{
		`{"b":{"a":1},"a":"x","c":[1]}`: {"x", true}, `{"\u0061":"x"}`: {"x", true}, `{}`: {"", true},
		`[1]`: {}, `null`: {}, `"a"`: {}, `7`: {},
	} {
		require.Equal(t, want, decode[fields](t, value), value)
	}
}
