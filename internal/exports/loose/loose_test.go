package loose

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
)

func TestTimesOfAllCodecsAreUTC(t *testing.T) {
	want := time.Date(2026, 5, 17, 10, 30, 0, 0, time.UTC)
	for _, written := range []string{
		"2026-05-17T10:30:00Z", "2026-05-17T18:30:00+08:00", "2026-05-17T10:30:00", "2026-05-17 10:30:00",
		"1779013800", "1779013800.0", "1779013800000", "1779013800000000", "1779013800000000000",
	} {
		require.True(t, want.Equal(ParseTime(written)), "%s is %s", written, ParseTime(written))
		require.Equal(t, time.UTC, ParseTime(written).Location())
	}
	require.Equal(t, 500*time.Millisecond, ParseTime("1779013800.5").Sub(want))
	for _, none := range []string{"", "0", "-5", "NaN", "1e300", "yesterday", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"} {
		require.Zero(t, ParseTime(none), none)
	}
}

func TestValuesOfUnexpectedTypesAreEmpty(t *testing.T) {
	type one struct {
		Text Text
		Flag Flag
		Time Time
		List List[Text]
	}
	decode := func(s string) (v one) {
		require.NoError(t, json.Unmarshal([]byte(s), &v, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)), s)
		return v
	}
	require.Equal(t, one{}, decode(`{"Text":{"a":[1]},"Flag":[],"Time":{},"List":null}`))
	require.Equal(t, one{Text: "12.50", Flag: true, List: List[Text]{"a"}}, decode(`{"Text":12.50,"Flag":"true","Time":"later","List":"a"}`))
	require.Equal(t, one{Text: "true", Flag: true, List: List[Text]{"a", "1", ""}}, decode(`{"Text":true,"Flag":1,"List":["a",1,{}]}`))
	require.Equal(t, Text("x\uFFFDy"), decode("{\"Text\":\"x\xffy\"}").Text)
	require.Equal(t, Text("x\uFFFDy"), decode(`{"Text":"x\ud83dy"}`).Text)
}

func TestElementsOfAnotherTypeAreLeftOut(t *testing.T) {
	var l List[struct{ A Text }]
	require.NoError(t, json.Unmarshal([]byte(`[{"A":"1"},"text",{"A":"2"}]`), &l))
	require.Equal(t, List[struct{ A Text }]{{"1"}, {"2"}}, l)
}
