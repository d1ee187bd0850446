package jsonbody

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

type streamed struct {
	Name  string   `json:"name"`
	Items []string `json:"items,omitempty"`
}

func TestAStreamIsReadAsTheWholeBodyIs(t *testing.T) {
	for _, body := range []string{
		`{"name":"a","items":["b","c"]}`, ` {"name":"a" , "unknown":{"x":[1,2]}} `, `{"name":"\u00e4\n"}`, `{"name":"` + strings.Repeat("x", 100_000) + `"}`,
	} {
		var want, got streamed
		require.NoError(t, Decode([]byte(body), &want, Lenient))
		require.NoError(t, DecodeFrom(iotest.OneByteReader(strings.NewReader(body)), &got, Lenient))
		require.Equal(t, want, got)
	}
	var marked streamed
	require.NoError(t, DecodeFrom(strings.NewReader("\xef\xbb\xbf"+`{"name":"a"}`), &marked, Lenient))
	require.Equal(t, "a", marked.Name)
}

func TestAStreamThatIsNoBodyIsRefused(t *testing.T) {
	for body, want := range map[string]string{
		"": "a JSON body is required", "  ": "a JSON body is required",
		`{"name":"a"`: "ends too early", `{"name":"a`: "ends too early", `{"name":"a"} x`: "goes on after its value", `{"name":"a"}{`: "goes on after its value",
		`{"name":1}`: "name must be a string", `{}`: "name is required", `{"name":"a","name":"b"}`: "name is given twice",
		`{"name":"a",}`: "not valid JSON", `{"name":"a" "items":[]}`: "not valid JSON", `[]`: "must be a JSON object", `{"name":"a","items":[1]}`: "items[0] must be a string",
		`{"name":"a","items":["b" "c"]}`: "not valid JSON",
	} {
		var into streamed
		err := DecodeFrom(strings.NewReader(body), &into, Lenient)
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", body, err)
		require.ErrorContains(t, err, want, body)
	}
	gone := errors.New("gone")
	err := DecodeFrom(io.MultiReader(strings.NewReader(`{"name":"a`), iotest.ErrReader(gone)), &streamed{}, Lenient)
	require.Equal(t, gone, err)
}
