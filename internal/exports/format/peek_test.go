package format

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPeekLeavesTheFileWhole(t *testing.T) {
	opened := 0
	m := Member{Path: "a.json", Open: func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(strings.NewReader(`{"a":[1,2,3]}`)), nil
	}}
	for _, bytes := range []int{4, 1 << 20} {
		opened = 0
		sample, again, err := m.Peek(bytes)
		require.NoError(t, err)
		require.Equal(t, JSON, sample.Kind)
		for range 2 {
			in, err := again.Open()
			require.NoError(t, err)
			text, err := io.ReadAll(in)
			require.NoError(t, err)
			require.Equal(t, `{"a":[1,2,3]}`, string(text))
			require.NoError(t, in.Close())
		}
		require.Equal(t, 2, opened, "the first reading goes on with what was opened to look at it")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is broken") }

func TestPeekReturnsErrorsOfReading(t *testing.T) {
	m := Member{Open: func() (io.ReadCloser, error) { return io.NopCloser(failing{}), nil }}
	_, _, err := m.Peek(10)
	require.ErrorContains(t, err, "the disk is broken")
}

func TestValuesOfASample(t *testing.T) {
	s := NewSample("a.json", []byte(`[{"h":"b"},{"h":"a"},{"h":1,"o":"c"},{"h":"b"}]`))
	require.Equal(t, []string{"a", "b"}, s.Values("[].h"))
	require.Empty(t, s.Values("[].none"))
}
