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
	// The end of a window is the end of its last millisecond.
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

func TestCursors(t *testing.T) {
	const id = "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"
	place := Place{At: time.UnixMicro(1_772_357_530_000_001).UTC(), ID: id}
	require.Equal(t, id+"_1772357530000001", place.Cursor())
	for text, want := range map[string]Place{
		place.Cursor():                  place,
		strings.ToUpper(place.Cursor()): place,
		id:                              {ID: id},
		id + "_0":                       {At: time.UnixMicro(0).UTC(), ID: id},
		nobody + "_5":                   Edge(time.UnixMicro(5).UTC()),
	} {
		got, err := ParseCursor(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "_", "_5", "5", id + "_", id + "_x", id + "_-1", id + "_+1", id + "_01", id + "_1.5", id + "_5_6", id + "_ 5", " " + id, id + "_5 ",
		id[1:], id + "0", "{" + id + "}", strings.ReplaceAll(id, "-", ""), id + "_9223372036854775807", id + "_9223372036854775808",
		id + "_5\x00", "null", "undefined", "' OR 1=1 --", strings.Repeat("9", 10_000),
	} {
		_, err := ParseCursor(text)
		require.True(t, fault.Is(err, fault.Invalid), text)
		require.Contains(t, fault.Message(err), "cursor must be", text)
	}
}

// FuzzParseCursor: what is read is a place that both databases can be asked for,
// and is written again as it was, or is a bare id.
func FuzzParseCursor(f *testing.F) {
	const id = "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"
	for _, seed := range []string{"", id, id + "_1772357530000001", strings.ToUpper(id) + "_0", id + "_-1", id + "_007", id + "_99999999999999999999", "_", id + "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		place, err := ParseCursor(text)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			require.NotEmpty(t, fault.Message(err))
			return
		}
		canonical, ok := ParseID(place.ID)
		require.True(t, ok)
		require.Equal(t, canonical, place.ID)
		if place.At.IsZero() {
			require.Equal(t, strings.ToLower(text), place.ID)
			return
		}
		require.Equal(t, Clock(place.At), place.At)
		require.GreaterOrEqual(t, place.At.Year(), earliestYear)
		require.LessOrEqual(t, place.At.Year(), latestYear+1)
		require.Equal(t, strings.ToLower(text), place.Cursor())
		again, err := ParseCursor(place.Cursor())
		require.NoError(t, err)
		require.Equal(t, place, again)
	})
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
