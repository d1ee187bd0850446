package geminicli

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
		"claude code": `{"uuid":"1","parentUuid":null,"sessionId":"s","type":"user","message":{"role":"user","content":"Add"}}`,
		"librechat":   `{"conversationId":"1","messages":[]}`,
	} {
		require.False(t, Format().Matches(format.NewSample("s.jsonl", []byte(text+"\n"))), name)
	}
}

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata/export") }
