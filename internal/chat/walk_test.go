package chat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

func TestWindow(t *testing.T) {
	const day = 24 * time.Hour
	from := func(since, until time.Time) WalkQuery { return WalkQuery{Since: since, Until: until} }
	// A window ends at the end of its last millisecond.
	ms := func(t time.Time) time.Time { return t.Truncate(time.Millisecond).Add(time.Millisecond) }
	for name, c := range map[string]struct {
		q            WalkQuery
		from, before time.Time
		says         string
	}{
		"the last week":               {WalkQuery{}, now.Add(-7 * day), ms(now), ""},
		"since a time":                {from(now.Add(-30*day), time.Time{}), now.Add(-30 * day), ms(now), ""},
		"the week before a time":      {from(time.Time{}, now.Add(-30*day)), now.Add(-37 * day), ms(now.Add(-30 * day)), ""},
		"ninety days":                 {from(at(0), at(0).Add(90*day)), at(0), ms(at(0).Add(90 * day)), ""},
		"a millisecond more":          {from(at(0), at(0).Add(90*day+time.Millisecond)), time.Time{}, time.Time{}, "at most 90 days apart"},
		"ninety days before now":      {from(now.Add(-90*day), time.Time{}), now.Add(-90 * day), ms(now), ""},
		"longer before now":           {from(now.Add(-90*day-time.Millisecond), time.Time{}), time.Time{}, time.Time{}, "at most 90 days apart"},
		"seconds for milliseconds":    {from(time.UnixMilli(1_772_323_200), time.Time{}), time.Time{}, time.Time{}, "at most 90 days apart"},
		"one millisecond":             {from(at(0), at(0).Add(time.Millisecond)), at(0), at(0).Add(2 * time.Millisecond), ""},
		"empty":                       {from(at(0), at(0)), time.Time{}, time.Time{}, "since must be before until"},
		"backwards":                   {from(at(1), at(0)), time.Time{}, time.Time{}, "since must be before until"},
		"begins in the future":        {from(now.Add(time.Second), time.Time{}), time.Time{}, time.Time{}, "since must be before until"},
		"lies in the future":          {from(now.Add(day), now.Add(2*day)), now.Add(day), ms(now.Add(2 * day)), ""},
		"as many platforms as may be": {WalkQuery{Sources: many(100)}, now.Add(-7 * day), ms(now), ""},
		"the same, repeated":          {WalkQuery{Sources: append(many(100), many(100)...)}, now.Add(-7 * day), ms(now), ""},
		"too many platforms":          {WalkQuery{Sources: many(101)}, time.Time{}, time.Time{}, "at most 100 platforms"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := c.q.Window(now)
			if c.says != "" {
				require.True(t, fault.Is(err, fault.Invalid), "%v", err)
				require.Contains(t, fault.Message(err), c.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.from.UTC(), w.From.UTC())
			require.Equal(t, c.before.UTC(), w.Before.UTC())
		})
	}
}

func many(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("p", i))
	}
	return names
}

func TestWindowOfPlatformsThatNoneHas(t *testing.T) {
	require.False(t, Window{}.PassesNothing())
	require.False(t, Window{Sources: []string{"a b", "a"}}.PassesNothing())
	require.Equal(t, []string{"a"}, Window{Sources: []string{"a b", "a", "\x00", ""}}.Platforms())
	require.True(t, Window{Sources: []string{"a b", "\x00", "\xff", strings.Repeat("a", 101)}}.PassesNothing())
}

func TestFromEpochMillis(t *testing.T) {
	for ms, want := range map[int64]time.Time{
		0:               time.Unix(0, 0).UTC(),
		1772323200000:   time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		253402300799999: time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC),
	} {
		at, ok := FromEpochMillis(ms)
		require.True(t, ok, ms)
		require.Equal(t, want, at)
	}
	for _, ms := range []int64{-1, 253402300800000, 1 << 62, -1 << 63} {
		_, ok := FromEpochMillis(ms)
		require.False(t, ok, ms)
	}
}
