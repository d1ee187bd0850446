package jsonbody

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A field of any type gets what was sent, and cannot use up the stack or the memory.
func TestAFieldMayHaveAnyType(t *testing.T) {
	var into struct {
		Content any    `json:"content"`
		After   string `json:"after"`
	}
	for body, want := range map[string]any{
		`"a"`: "a", `true`: true, `7`: json.Number("7"), `[]`: []any{}, `{}`: map[string]any{},
		`[{"type":"text","text":"a","more":[1,null]}]`: []any{map[string]any{"type": "text", "text": "a", "more": []any{json.Number("1"), nil}}},
	} {
		into.Content, into.After = nil, ""
		require.NoError(t, Decode([]byte(`{"content":`+body+`,"after":"z"}`), &into, Lenient), body)
		require.Equal(t, want, into.Content, body)
		require.Equal(t, "z", into.After, body)
	}
	require.ErrorContains(t, DecodeFrom(strings.NewReader(`{"content":`+strings.Repeat("[", 1_000_000)), &into, Lenient), "nested more than 20 deep")
	require.ErrorContains(t, Decode([]byte(`{"content":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+"}"), &into, Lenient), "nested more than 20 deep")
	require.ErrorContains(t, Decode([]byte(`{"content":`+strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000)+"}"), &into, Lenient), "nested more than 20 deep")
	require.Error(t, Decode([]byte(`{"content":[1,`), &into, Lenient))
	require.ErrorContains(t, Decode([]byte(`{"content":[`+strings.Repeat("1,", maxItems)+`1]}`), &into, Lenient), "items")
}
