package aider

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestSessions(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

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
