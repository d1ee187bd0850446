package claudecode

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

const project = "projects/-home-ada-shop/"

func TestSessions(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

func TestASessionIsReadWhileItGrows(t *testing.T) {
	resumed := readtest.Grows(t, Format(), readtest.Dir(t, "testdata/export"), project+"5e550001.jsonl")
	require.Greater(t, resumed, 30)
}

// row is a line of a session with as little as it needs.
func row(uuid, parent, role, text string) string {
	if parent != "null" {
		parent = `"` + parent + `"`
	}
	return `{"type":"` + role + `","uuid":"` + uuid + `","parentUuid":` + parent + `,"sessionId":"s","timestamp":"2026-05-17T10:00:00Z","message":{"role":"` +
		role + `","id":"m-` + uuid + `","content":"` + text + `"}}` + "\n"
}

func TestARewoundPromptIsABranchWhateverTheReadingBeganWith(t *testing.T) {
	s := readtest.Files(map[string][]byte{"s.jsonl": []byte(row("1", "null", "user", "one") + row("2", "1", "assistant", "a") +
		row("3", "2", "user", "two") + row("4", "3", "assistant", "b") +
		row("5", "2", "user", "three") + row("6", "5", "assistant", "c"))})
	readtest.Grows(t, Format(), s, "s.jsonl")
	m, _ := s.Member("s.jsonl")
	found := readtest.Read(Format(), m)
	var branches []string
	for _, msg := range found.Conversations[0].Messages {
		branches = append(branches, msg.Branch)
	}
	require.Equal(t, []string{"", "", "4", "4", "", ""}, branches)
}

func TestAnEditOfTheFirstPromptIsABranch(t *testing.T) {
	s := readtest.Files(map[string][]byte{"s.jsonl": []byte(row("1", "null", "user", "one") + row("2", "1", "assistant", "a") +
		row("3", "2", "user", "two") + row("4", "null", "user", "anew"))})
	readtest.Grows(t, Format(), s, "s.jsonl")
	m, _ := s.Member("s.jsonl")
	messages := readtest.Read(Format(), m).Conversations[0].Messages
	require.Equal(t, "3", messages[0].Branch)
	require.Empty(t, messages[3].Branch)
}

func TestAFileThatWasRewrittenIsReadFromItsBeginning(t *testing.T) {
	first := row("1", "null", "user", "one")
	s := readtest.Files(map[string][]byte{"s.jsonl": []byte(first + row("9", "8", "user", "other"))})
	m, _ := s.Member("s.jsonl")
	m.From = format.Mark{Offset: int64(len(first)), Line: 1, State: `{"session":"s","tip":"1"}`}
	require.ErrorIs(t, readtest.Read(Format(), m).Err, format.ErrRewritten)
}

func TestSessionsWhoseIDsAreTheSameByChanceAreKept(t *testing.T) {
	s := readtest.Files(map[string][]byte{
		"a.jsonl": []byte(row("1", "null", "user", "one") + row("2", "1", "assistant", "a")),
		"b.jsonl": []byte(strings.ReplaceAll(row("1", "null", "user", "other")+row("2", "1", "assistant", "b"), `"s"`, `"t"`)),
	})
	found := readtest.ReadAll(Format(), s.All())
	require.Len(t, found.Conversations, 2)
	require.Empty(t, found.Warnings)
}

func TestOtherAgentsAreNotRecognised(t *testing.T) {
	for name, text := range map[string]string{
		"qwen":  `{"uuid":"1","parentUuid":null,"sessionId":"s","type":"user","message":{"role":"user","parts":[{"text":"Add"}]}}`,
		"qoder": `{"type":"user","uuid":"1","sessionId":"s","message":{"role":"user","content":"Explain"}}`,
		"type":  `{"type":"user","message":{"content":"Explain"}}`,
	} {
		require.False(t, Format().Matches(format.NewSample("s.jsonl", []byte(text+"\n"))), name)
	}
	for name, text := range map[string]string{
		"one line": row("1", "null", "user", "one"),
		"early":    `{"type":"assistant","message":{"content":[],"usage":{"input_tokens":1}}}`,
	} {
		require.True(t, Format().Matches(format.NewSample("s.jsonl", []byte(text))), name)
	}
}

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata/export") }
