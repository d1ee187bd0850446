package lethe

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// read reads a text as a file of lines, which must be recognised.
func read(t *testing.T, text string) (found []chat.Upload, problems []string) {
	t.Helper()
	require.True(t, Format().Matches(format.NewSample("f", []byte(text))))
	out := &format.Out{
		Take: func(c format.Conversation) error { found = append(found, c.Upload); return nil },
		Fail: func(at format.Place, err error) { problems = append(problems, at.String()+": "+err.Error()) },
	}
	m := format.Member{Path: "f", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	require.NoError(t, Format().Read(context.Background(), m, out))
	return found, problems
}

func TestUploadsComeBackAsTheyWere(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)
	yes, no := true, false
	full := chat.Upload{
		Platform: "p", DisplayName: "P", ExternalID: "1", Title: "<a> & \"b\"", CreatedAt: at, UpdatedAt: at.Add(time.Hour), Pinned: &yes,
		Source: chat.Source{Archived: &no, Starred: &yes, Project: "shop", Link: "https://example.com/1"}, TellsMarks: true,
		Messages: []chat.UploadMessage{
			{ExternalID: "m", Role: "human", Text: "line\nline \u2028 <b>", CreatedAt: at, Inferred: true, Branch: "b", Hidden: true, Files: []string{"a.png"}},
			{Role: "assistant"},
		},
	}
	bare := chat.Upload{Platform: "custom", ExternalID: "2", Messages: []chat.UploadMessage{{Role: "tool", Text: "x"}}}
	var out strings.Builder
	for _, u := range []chat.Upload{full, bare} {
		require.NoError(t, WriteUpload(&out, u))
	}
	require.Equal(t, 2, strings.Count(out.String(), "\n"))
	require.Contains(t, out.String(), `{"platform":"custom","conversation":{"id":"2","messages":[{"role":"tool","content":"x"}]}}`, "what is unknown is left out")
	found, problems := read(t, out.String())
	require.Empty(t, problems)
	require.Equal(t, []chat.Upload{full, bare}, found)
}

func TestABadLineLosesOnlyItself(t *testing.T) {
	found, problems := read(t, `{"conversation":{"id":"1","messages":[]}}`+"\n"+`{"conversation":`+"\n\n"+`{"revision":3,"conversation":{"id":2,"messages":[]}}`+"\n")
	require.Len(t, found, 2)
	require.Equal(t, "2", found[1].ExternalID)
	require.Equal(t, []string{"f, line 2: the line is not JSON"}, problems)
}

func TestOtherFilesAreNotOurs(t *testing.T) {
	for _, text := range []string{`{"conversation":{"id":"1"}}`, `[{"conversation":{"title":"x"}}]`, "a,b\n1,2", `{"messages":[]}`} {
		require.False(t, Format().Matches(format.NewSample("f", []byte(text))), text)
	}
}
