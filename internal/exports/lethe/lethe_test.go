package lethe

import (
	"encoding/json"
	"errors"
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
			{ID: "ours", Position: 1, Sender: chat.Assistant, CreatedAt: at},
		},
	}
	var out strings.Builder
	require.NoError(t, Write(&out, conversation.Conversation, chat.Parts(conversation.Turns), "ChatGPT"))
	require.Equal(t, `{"platform":"chatgpt","platformDisplayName":"ChatGPT","conversation":{"id":"theirs",`+
		`"title":"a <b> & \"c\"","createdAt":"2026-03-01T09:30:00.123456Z","updatedAt":"2026-03-01T09:31:00.123456Z","pinned":true,"marked":true,"from":0,"messages":[`+
		`{"id":"m1","role":"human","content":"line one\nline two","createdAt":"2026-03-01T09:30:00.123456Z"},`+
		`{"role":"assistant","content":"","createdAt":"2026-03-01T09:30:00.123456Z"}]}}`+"\n", out.String())

	out.Reset()
	require.NoError(t, Write(&out, chat.Conversation{}, chat.Parts(nil), ""))
	require.True(t, json.Valid([]byte(out.String())))
	require.NotContains(t, out.String(), "platformDisplayName")
	require.Contains(t, out.String(), `"messages":[]`)
}

func TestALineOfPiecesIsTheLineOfTheWhole(t *testing.T) {
	c := chat.Conversation{Platform: "p", ExternalID: "e"}
	messages := []chat.Message{{Sender: chat.Human, Text: "in \"three\" pieces"}, {Position: 1, Sender: chat.Assistant, Text: "in one"}}
	var want, got strings.Builder
	require.NoError(t, Write(&want, c, chat.Parts(messages), ""))
	require.NoError(t, Write(&got, c, func(yield func(chat.Part, error) bool) {
		for _, cut := range [][2]int{{0, 4}, {4, 9}, {9, 17}} {
			p := chat.Part{Message: messages[0], Offset: cut[0], Size: 17}
			p.Text = messages[0].Text[cut[0]:cut[1]]
			if !yield(p, nil) {
				return
			}
		}
		yield(chat.Part{Message: messages[1], Size: 6}, nil)
	}, ""))
	require.Equal(t, want.String(), got.String())

	broken := errors.New("broken")
	require.ErrorIs(t, Write(&got, c, func(yield func(chat.Part, error) bool) { yield(chat.Part{}, broken) }, ""), broken)
}
