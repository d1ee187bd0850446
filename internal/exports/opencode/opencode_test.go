package opencode

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestSessions(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

func TestOnlySessionsThatChangedAreReadAgain(t *testing.T) {
	m, ok := readtest.Dir(t, "testdata/export").Member("opencode.db")
	require.True(t, ok)
	first := readtest.Read(Format(), m)
	require.Len(t, first.Conversations, 3)
	m.From = first.Mark
	again := readtest.Read(Format(), m)
	require.NoError(t, again.Err)
	require.Len(t, again.Conversations, 1, "the newest, which may have changed in the same millisecond")
	require.Equal(t, "ses_4", again.Conversations[0].ExternalID)

	m.From.State = `{"after":1,"first":"ses_0"}`
	require.ErrorIs(t, readtest.Read(Format(), m).Err, format.ErrRewritten, "another database")
}

func TestADatabaseWithoutItsLogIsRead(t *testing.T) {
	m, _ := readtest.Dir(t, "testdata/export").Member("opencode.db")
	m.Sibling = nil
	require.Len(t, readtest.Read(Format(), m).Conversations, 2)
}

func TestOtherFilesAreNotRecognised(t *testing.T) {
	for name, text := range map[string]string{
		"claude code": `{"uuid":"1","parentUuid":null,"sessionId":"s","type":"user","message":{"role":"user","content":[{"type":"text","text":"Add"}]}}`,
		"gptme":       `{"role":"user","content":"Add","timestamp":"2026-06-13T10:00:00","metadata":{"model":"m"}}`,
		"reasonix":    `{"role":"assistant","content":"Add","reasoning_content":"x","tool_calls":[{"id":"1","type":"function","function":{"name":"f"}}]}`,
		"vibe":        `{"role":"user","content":"Add","message_id":"msg_001"}`,
		"pi":          `{"type":"message","id":"1","parentId":null,"message":{"role":"user","content":[{"type":"text","text":"x"}]}}`,
		"markdown":    "# A heading\n\n#### Another\n",
		"sqlite":      "SQLite format 3\x00CREATE TABLE session (id)",
	} {
		require.False(t, Format().Matches(format.NewSample("s.jsonl", []byte(text+"\n"))), name)
	}
}

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata/export") }
