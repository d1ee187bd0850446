package readtest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Grows checks a format that Resumes: a file that grows line by line, and is read from its last mark each time, gives
// the same messages as a file that is read at once. It returns how many readings continued from a mark, so that a
// test can check that some did.
func Grows(t *testing.T, f format.Format, s *Source, name string) (resumed int) {
	t.Helper()
	data := s.files[name]
	whole, _ := s.Member(name)
	want := Read(f, whole)
	require.NoError(t, want.Err)
	require.Len(t, want.Conversations, 1)

	stored := map[string]chat.UploadMessage{}
	var order []string
	var mark format.Mark
	for _, end := range lineEnds(data) {
		grown := Files(map[string][]byte{name: data[:end]})
		for other, text := range s.files {
			if other != name {
				grown.files[other] = text
			}
		}
		m, _ := grown.Member(name)
		m.From = mark
		got := Read(f, m)
		if errors.Is(got.Err, format.ErrRewritten) {
			require.Empty(t, got.Conversations, "nothing is handed over before the file is read from its beginning")
			stored, order = map[string]chat.UploadMessage{}, nil
			m.From = format.Mark{}
			got = Read(f, m)
		} else if mark.Offset > 0 {
			resumed++
		}
		require.NoError(t, got.Err, "the first %d bytes", end)
		if got.Mark.Offset > 0 {
			mark = got.Mark
		}
		for _, c := range got.Conversations {
			require.Equal(t, want.Conversations[0].ExternalID, c.ExternalID)
			for _, msg := range c.Messages {
				require.NotEmpty(t, msg.ExternalID, "a message that is read again needs an id")
				if _, known := stored[msg.ExternalID]; !known {
					order = append(order, msg.ExternalID)
				}
				stored[msg.ExternalID] = msg
			}
		}
	}
	var have []chat.UploadMessage
	for _, id := range order {
		have = append(have, stored[id])
	}
	require.Equal(t, text(want.Conversations[0].Messages), text(have))
	return resumed
}

func text(all []chat.UploadMessage) (lines []string) {
	for _, m := range all {
		lines = append(lines, message(m))
	}
	return lines
}

// lineEnds returns the offsets after each line, and one in the middle of each line.
func lineEnds(data []byte) (ends []int) {
	for at := 0; at < len(data); {
		n := bytes.IndexByte(data[at:], '\n') + 1
		if n == 0 {
			n = len(data) - at
		}
		ends = append(ends, at+n/2, at+n)
		at += n
	}
	return ends
}
