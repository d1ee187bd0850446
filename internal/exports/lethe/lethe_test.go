package lethe

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
)

func TestALineIsAnUpload(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)
	conversation := chat.Transcript{
		Conversation: chat.Conversation{
			ID: "ours", Platform: "chatgpt", ExternalID: "theirs", Title: "a <b> & \"c\"", CreatedAt: at, UpdatedAt: at.Add(time.Minute), Pinned: true,
		},
		Turns: []chat.Message{
			{ID: "ours", ExternalID: "m1", Sender: chat.Human, Text: "line one\nline two", CreatedAt: at},
			{ID: "ours", Sender: chat.Assistant, CreatedAt: at},
		},
	}
	var out strings.Builder
	require.NoError(t, Write(&out, conversation, "ChatGPT"))
	require.Equal(t, `{"platform":"chatgpt","platformDisplayName":"ChatGPT","conversation":{"id":"theirs",`+
		`"title":"a <b> & \"c\"","createdAt":"2026-03-01T09:30:00.123456Z","updatedAt":"2026-03-01T09:31:00.123456Z","pinned":true,"messages":[`+
		`{"id":"m1","role":"human","content":"line one\nline two","createdAt":"2026-03-01T09:30:00.123456Z"},`+
		`{"role":"assistant","content":"","createdAt":"2026-03-01T09:30:00.123456Z"}]}}`+"\n", out.String())

	out.Reset()
	require.NoError(t, Write(&out, chat.Transcript{}, ""))
	require.True(t, json.Valid([]byte(out.String())))
	require.NotContains(t, out.String(), "platformDisplayName")
	require.Contains(t, out.String(), `"messages":[]`)
}
