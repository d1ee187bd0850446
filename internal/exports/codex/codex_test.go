package codex

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

const day = "sessions/2026/05/17/"

func TestSessions(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

func TestASessionIsReadWhileItGrows(t *testing.T) {
	s := readtest.Dir(t, "testdata/export")
	resumed := readtest.Grows(t, Format(), s, day+"rollout-2026-05-17T13-00-00-019e0000-0000-7000-8000-000000000001.jsonl")
	require.Greater(t, resumed, 15)
	resumed = readtest.Grows(t, Format(), s, day+"rollout-2026-05-17T13-10-00-019e0000-0000-7000-8000-000000000002.jsonl")
	require.NotZero(t, resumed, "a fork")
}

func TestAForkWhoseParentIsMissingIsKeptWhole(t *testing.T) {
	m, ok := readtest.Dir(t, "testdata/export").Member(day + "rollout-2026-05-17T13-10-00-019e0000-0000-7000-8000-000000000002.jsonl")
	require.True(t, ok)
	m.All = nil
	found := readtest.Read(Format(), m)
	require.Equal(t, "Why do uploads time out?", found.Conversations[0].Messages[4].Text)
}

func TestOtherFilesAreNotRecognised(t *testing.T) {
	for name, text := range map[string]string{
		"pi":      `{"type":"session","id":"1","timestamp":"t"}` + "\n" + `{"type":"message","message":{"role":"user","content":"x"}}`,
		"history": `{"session_id":"1","ts":1,"text":"x"}`,
		"chat":    `{"role":"user","content":"x"}`,
		"payload": `{"type":"event","payload":{"a":1}}`,
	} {
		require.False(t, Format().Matches(format.NewSample("s.jsonl", []byte(text+"\n"))), name)
	}
}

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata/export") }
