package loose

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

func TestTimesOfEveryForm(t *testing.T) {
	want := time.Date(2026, 3, 1, 9, 30, 15, 123456000, time.UTC)
	second, milli := want.Truncate(time.Second), want.Truncate(time.Millisecond)
	for value, want := range map[string]time.Time{
		`1772357415.123456`:                         want,
		`"1772357415.123456"`:                       want,
		`1772357415`:                                second,
		`1.772357415e9`:                             second,
		`1772357415123`:                             milli,
		`1772357415123456`:                          want,
		`1772357415123456789`:                       want,
		`"2026-03-01T09:30:15.123456Z"`:             want,
		`"2026-03-01T09:30:15.123456789Z"`:          want,
		`"2026-03-01T17:30:15.123456+08:00"`:        want,
		`"2026-03-01T17:30:15+0800"`:                second,
		`"2026-03-01T09:30:15.123456"`:              want,
		`"2026-03-01 09:30:15.123456"`:              want,
		`"2026-03-01 09:30:15.123456 UTC"`:          want,
		`"2026-03-01 09:30:15 +0000 UTC"`:           second,
		`{"$date":{"$numberLong":"1772357415123"}}`: milli,
		`{"$date":1772357415123}`:                   milli,
		`{"$date":"2026-03-01T09:30:15.123456Z"}`:   want,
		`{"$numberLong":"1772357415123"}`:           milli,
		`"3/1/2026, 9:30:15\u202fAM"`:               second,
		`"3/1/2026 9:30:15\u00a0AM"`:                second,
		`"Mar 1, 2026, 9:30:15 AM UTC"`:             second,
		`null`:                                      {}, `0`: {}, `""`: {}, `"0"`: {}, `-5`: {}, `"soon"`: {}, `[1]`: {}, `{"a":1}`: {}, `true`: {}, `1e300`: {}, `"NaN"`: {}, `"Inf"`: {},
		`"Mar 1, 2026, 9:30:15 AM CET"`: {}, // which zone that is depends on the place
		`"0001-01-01T00:00:00Z"`:        {},
	} {
		var got struct {
			At   Time
			Then int
		}
		require.NoError(t, json.Unmarshal([]byte(`{"At":`+value+`,"Then":7}`), &got), value)
		require.Equal(t, want, got.At.Time, value)
		require.Equal(t, 7, got.Then, "what follows %s", value)
	}
}
