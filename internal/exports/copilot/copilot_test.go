package copilot

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestExport(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

// A chat is passed on after its last row. An input that can be opened only once gives the same chats, later.
func TestChatsAreNotKeptToTheEnd(t *testing.T) {
	const rows = "Conversation,Time,Author,Message\nLong,2026-01-03T10:00:00,Human,b\nShort,2026-01-02T10:00:00,Human,c\nLong,2026-01-01T10:00:00,Human,a\n"
	titles := func(size int64) (titles []string) {
		m, _ := readtest.Files(map[string][]byte{"a.csv": []byte(rows)}).Member("a.csv")
		m.Size = size
		if open := m.Open; size < 0 {
			m.Open = func() (io.ReadCloser, error) {
				m.Open = nil // a second opening panics
				return open()
			}
		}
		for _, c := range readtest.Read(Format(), m).Conversations {
			titles = append(titles, c.Title+" "+c.Messages[0].Text)
		}
		return titles
	}
	require.Equal(t, []string{"Short c", "Long a"}, titles(int64(len(rows))))
	require.Equal(t, []string{"Long a", "Short c"}, titles(-1))
}

// Files in the order of time are not turned round.
func TestTheOrderOfRowsIsFoundOut(t *testing.T) {
	for name, c := range map[string]struct{ rows, want string }{
		"newest first":             {"x,2026-01-02T10:00:00,AI,d\nx,2026-01-02T10:00:00,Human,c\nx,2026-01-01T10:00:00,AI,b\nx,2026-01-01T10:00:00,Human,a\n", "abcd"},
		"oldest first":             {"x,2026-01-01T10:00:00,Human,a\nx,2026-01-01T10:00:00,AI,b\nx,2026-01-02T10:00:00,Human,c\n", "abc"},
		"one time, question first": {"x,2026-01-01T10:00:00,Human,a\nx,2026-01-01T10:00:00,AI,b\n", "ab"},
		"one time, answer first":   {"x,2026-01-01T10:00:00,AI,b\nx,2026-01-01T10:00:00,Human,a\n", "ab"},
		"one row out of order":     {"x,2026-01-03T10:00:00,AI,d\nx,2026-01-04T10:00:00,Human,c\nx,2026-01-02T10:00:00,AI,b\nx,2026-01-01T10:00:00,Human,a\n", "abcd"},
	} {
		m, _ := readtest.Files(map[string][]byte{"a.csv": []byte("Conversation,Time,Author,Message\n" + c.rows)}).Member("a.csv")
		said := ""
		for _, msg := range readtest.Read(Format(), m).Conversations[0].Messages {
			said += msg.Text
		}
		require.Equal(t, c.want, said, name)
	}
}

// A missing quote must not make one row of the rest of a large file.
func TestAnEndlessRowIsAProblem(t *testing.T) {
	m, _ := readtest.Files(map[string][]byte{"a.csv": []byte("Conversation,Time,Author,Message\nx,2026-01-01T10:00:00,Human,a\nx,2026-01-01T10:00:00,Human,\"" + strings.Repeat("a", 100_000))}).Member("a.csv")
	var said []string
	var problems []error
	out := &format.Out{Fail: func(_ format.Place, err error) { problems = append(problems, err) }}
	require.NoError(t, rowsWithin(t.Context(), m, out, 50_000, func(r row) error {
		said = append(said, r.text)
		return nil
	}))
	require.Equal(t, []string{"a"}, said)
	require.Equal(t, []error{errRowTooLong}, problems)
}

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata") }
