package lines

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

type numbered struct{ N int }

func member(text string) format.Member {
	return format.Member{Path: "s.jsonl", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

type result struct {
	values   []int
	places   []Place
	problems []string
	warnings map[format.Warning]int
}

func readAll(t *testing.T, m format.Member, limit int) result {
	t.Helper()
	var r result
	out := &format.Out{Fail: func(p format.Place, err error) { r.problems = append(r.problems, p.String()+": "+err.Error()) }}
	require.NoError(t, each(t.Context(), m, out, limit, func(p Place, v numbered) error {
		r.values, r.places = append(r.values, v.N), append(r.places, p)
		return nil
	}))
	r.warnings = out.Warnings
	return r
}

func TestLinesAreReadWithTheirPlaces(t *testing.T) {
	r := readAll(t, member("{\"N\":1}\r\n\n{\"N\":2}\n{\"N\":3}"), Limit)
	require.Equal(t, []int{1, 2, 3}, r.values)
	require.Equal(t, []Place{{1, 0, 9}, {3, 10, 18}, {4, 18, 25}}, r.places)
	require.Empty(t, r.problems)
}

func TestABadLineIsAProblemAndTheRestIsRead(t *testing.T) {
	r := readAll(t, member("{\"N\":1}\nsecret text\n{\"N\":\"text\"}\n{\"N\":2}\n"), Limit)
	require.Equal(t, []int{1, 2}, r.values)
	require.Equal(t, []string{"s.jsonl, line 2: the line is not JSON", "s.jsonl, line 3: the line is not JSON"}, r.problems)
}

func TestALastLineThatIsStillBeingWrittenIsLeft(t *testing.T) {
	for _, last := range []string{"{\"N\":2, \"text\": \"hal", "{\"N\":2, \"text\": \"hal\n", "{\"N\":2, \"text\"\n\n"} {
		r := readAll(t, member("{\"N\":1}\n"+last), Limit)
		require.Equal(t, []int{1}, r.values, last)
		require.Empty(t, r.problems, last)
		require.Equal(t, map[format.Warning]int{format.TruncatedLine: 1}, r.warnings, last)
	}
	r := readAll(t, member("{\"N\":1}\n{\"N\":2, \"text\": \"hal\n{\"N\":3}\n"), Limit)
	require.Equal(t, []int{1, 3}, r.values)
	require.Equal(t, []string{"s.jsonl, line 2: the line is not JSON"}, r.problems)
}

func TestALineOfManyMegabytesIsRead(t *testing.T) {
	long := `{"text":"` + strings.Repeat("x", 9<<20) + `","N":7}`
	r := readAll(t, member(long+"\n{\"N\":8}\n"), Limit)
	require.Equal(t, []int{7, 8}, r.values)
}

func TestALineOverTheLimitIsAProblemAndTheRestIsRead(t *testing.T) {
	long := `{"text":"` + strings.Repeat("x", 200_000) + `","N":7}`
	r := readAll(t, member("{\"N\":1}\n"+long+"\n{\"N\":8}\n"+long), 100_000)
	require.Equal(t, []int{1, 8}, r.values)
	require.Equal(t, []string{"s.jsonl, line 2: " + ErrTooLong.Error()}, r.problems)
}

func TestReadingGoesOnFromAMark(t *testing.T) {
	text := "{\"N\":1}\n{\"N\":2}\n{\"N\":3}\n"
	m := member(text)
	m.From = format.Mark{Offset: 8, Line: 1}
	want := readAll(t, m, Limit)
	require.Equal(t, []int{2, 3}, want.values)
	require.Equal(t, []Place{{2, 8, 16}, {3, 16, 24}}, want.places)

	m.Open = func() (io.ReadCloser, error) { return nopCloser{bytes.NewReader([]byte(text))}, nil } // one that can seek
	require.Equal(t, want, readAll(t, m, Limit))
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

func TestReadingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := Each(ctx, member(strings.Repeat("{\"N\":1}\n", 10)), &format.Out{}, func(Place, numbered) error {
		n++
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, n)
}
