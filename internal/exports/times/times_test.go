package times

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
)

func TestFill(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	messages := []chat.UploadMessage{{}, {CreatedAt: day}, {}, {CreatedAt: day.Add(time.Hour)}, {}}
	require.Equal(t, 3, Fill(messages))
	require.Equal(t, []chat.UploadMessage{
		{CreatedAt: day, Inferred: true}, {CreatedAt: day}, {CreatedAt: day, Inferred: true},
		{CreatedAt: day.Add(time.Hour)}, {CreatedAt: day.Add(time.Hour), Inferred: true},
	}, messages)

	undated := []chat.UploadMessage{{}, {}}
	require.Equal(t, 0, Fill(undated, time.Time{}))
	require.Equal(t, []chat.UploadMessage{{}, {}}, undated)
	require.Equal(t, 2, Fill(undated, time.Time{}, day))
	require.Equal(t, day, undated[1].CreatedAt)
}
