package chatgpt

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestChatGPT(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

func TestDeepSeekIsNotChatGPT(t *testing.T) {
	for _, text := range []string{
		`[{"id":"1","inserted_at":"2026-03-01T09:30:00+08:00","mapping":{"root":{"message":null}}}]`,
		`[{"id":"1","mapping":{"1":{"message":{"fragments":[{"type":"REQUEST","content":"x"}]}}}}]`,
	} {
		require.False(t, matches(format.NewSample("conversations.json", []byte(text))), text)
	}
}

func FuzzChatGPT(f *testing.F) { readtest.Fuzz(f, Format(), "testdata/export") }
