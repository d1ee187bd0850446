package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/pkg/api"
)

func TestTimeOnTheWire(t *testing.T) {
	for sent, want := range map[string]string{
		`"2026-03-01T09:30:00Z"`:           `"2026-03-01T09:30:00.000Z"`,
		`"2026-03-01T09:30:00.123456789Z"`: `"2026-03-01T09:30:00.123Z"`,
		`"2026-03-01T00:30:00+01:30"`:      `"2026-02-28T23:00:00.000Z"`,
		`"2026-03-01"`:                     `"2026-03-01T00:00:00.000Z"`,
		`"2026-03-01T09:30:00"`:            `"2026-03-01T09:30:00.000Z"`,
		`"2026-03-01T09:30:00.5"`:          `"2026-03-01T09:30:00.500Z"`,
		`"2026-03-01 09:30:00.5"`:          `"2026-03-01T09:30:00.500Z"`,
		`"2026-03-01T09:30"`:               `"2026-03-01T09:30:00.000Z"`,
	} {
		var got api.Time
		require.NoError(t, json.Unmarshal([]byte(sent), &got), sent)
		back, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, want, string(back), sent)
	}
	for _, bad := range []string{`null`, `1772357400`, `""`, `"2026-03-01T09"`, `"2026-02-30"`, `"March"`, `"2026-03-01 09:30:00Z"`, `{}`} {
		var got api.Time
		require.ErrorContains(t, json.Unmarshal([]byte(bad), &got), "ISO 8601", bad)
	}
	_, day, err := api.ParseTime("2026-03-01")
	require.NoError(t, err)
	require.True(t, day)
	require.Equal(t, "2026-03-01T09:30:00.000Z", api.NewTime(time.Date(2026, 3, 1, 10, 30, 0, 0, time.FixedZone("x", 3600))).String())
}
