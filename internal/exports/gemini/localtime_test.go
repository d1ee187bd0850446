package gemini

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLocalTimes(t *testing.T) {
	for line, want := range map[string]string{
		"Jan 2, 2025, 3:04:05 PM EST":             "2025-01-02T20:04:05Z",
		"Jan 2, 2025, 3:04:05\u202fPM PDT":        "2025-01-02T22:04:05Z",
		"Jan 2, 2025, 12:04:05\u00a0AM UTC":       "2025-01-02T00:04:05Z",
		"Jan 2, 2025, 12:04:05 PM CST":            "2025-01-02T18:04:05Z",
		"Jan 4, 2025, 3:04:05 PM GMT+05:30":       "2025-01-04T09:34:05Z",
		"May 19, 2026, 7:07:02\u202fPM GMT-03:00": "2026-05-19T22:07:02Z",
		"Jan 4, 2025, 3:04:05 PM GMT+8":           "2025-01-04T07:04:05Z",
		"18 Sept 2025, 12:02:52 CEST":             "2025-09-18T10:02:52Z",
		"2 January 2025 at 15:04:05 GMT":          "2025-01-02T15:04:05Z",
		"14.03.2026, 13:08:30 MEZ":                "2026-03-14T12:08:30Z",
		"1.5.2026, 13:08:30 MESZ":                 "2026-05-01T11:08:30Z",
		"4 juli 2026 09:15:00 CEST":               "2026-07-04T07:15:00Z",
		"19 juil. 2026, 12:23:08 CEST":            "2026-07-19T10:23:08Z",
		"10 de mai. de 2026, 03:46:09 BRT":        "2026-05-10T06:46:09Z",
		"19 ago 2026, 12:23:08 CEST":              "2026-08-19T10:23:08Z",
		"19 giu 2026, 12:23:08 CEST":              "2026-06-19T10:23:08Z",
		"2026年6月19日 12:23:08 CST":                 "2026-06-19T04:23:08Z",
		"2026年6月19日 下午1:23:08 CST":                "2026-06-19T05:23:08Z",
		"2026/06/19 12:23:08 JST":                 "2026-06-19T03:23:08Z",
		"2026. 6. 19. 오후 12:23:08 KST":            "2026-06-19T03:23:08Z",
		"19 июн. 2026 г., 12:23:08 MSK":           "2026-06-19T09:23:08Z",
		"19 cze 2026, 12:23:08 CEST":              "2026-06-19T10:23:08Z",
		"19 Haz 2026 12:23:08 TRT":                "2026-06-19T09:23:08Z",
		"19.6.2026 klo 12.23.08 EEST":             "2026-06-19T09:23:08Z",
		"13/6/2026, 12:23:08 CEST":                "2026-06-13T10:23:08Z",
		"6/13/2026, 12:23:08 PM EDT":              "2026-06-13T16:23:08Z",
	} {
		got, err := localTime(line)
		require.NoError(t, err, line)
		require.Equal(t, want, got.Format(time.RFC3339), line)
		require.True(t, looksLikeTime(line), line)
	}
}

// A text that can be read in two ways, or in none, is an error and not a guess.
func TestLocalTimesThatAreNotKnown(t *testing.T) {
	for line, want := range map[string]error{
		"Jan 2, 2025, 3:04:05 PM IST":       errZone, // India, Ireland or Israel
		"2 Jan 2025, 15:04:05 AST":          errZone,
		"2 Jan 2025, 15:04:05 CST":          errZone, // not written as in the United States
		"Jan 2, 2025, 3:04:05 PM XYZT":      errZone,
		"Jan 2, 2025, 3:04:05 PM":           errZone,
		"Jan 4, 2025, 3:04:05 PM GMT+25":    errZone,
		"5/4/2026, 9:00:00 AM UTC":          errDateForm,
		"2 Foo 2025, 15:04:05 UTC":          errNoTime,
		"Jan 32, 2025, 3:04:05 PM UTC":      errNoTime,
		"Jan 2, 2025, 13:04:05 PM UTC":      errNoTime,
		"Jan 2, 2025, 3:64:05 PM UTC":       errNoTime,
		"31 Feb 2025, 15:04:05 UTC":         errNoTime,
		"2 Jan 25, 15:04:05 UTC":            errNoTime,
		"Jan 2, 2025 UTC":                   errNoTime,
		"Jan 2, 2025, 1 3:04:05 PM UTC":     errNoTime,
		"":                                  errNoTime,
		"Call me at 15:04:05 on 2 Jan 2025": errNoTime,
	} {
		_, err := localTime(line)
		require.ErrorIs(t, err, want, line)
	}
}

func TestNamesOfMonthsMeanOneMonth(t *testing.T) {
	seen := make(map[string]int)
	for _, language := range monthNames {
		names := strings.Fields(language)
		require.Len(t, names, 12, language)
		for i, name := range names {
			if had, ok := seen[name]; ok {
				require.Equal(t, had, i+1, fmt.Sprintf("%s in %s", name, language))
			}
			seen[name] = i + 1
			require.False(t, fillers[name], name)
			require.Zero(t, halves[name], name)
		}
	}
}
