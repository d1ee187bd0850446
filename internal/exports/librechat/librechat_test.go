package librechat

import (
	"bufio"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestExport(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

// Each message is nested in the one before, so a conversation of 20,000 messages is 40,000
// levels deep, four times of what JSON decoders take.
func TestALongConversation(t *testing.T) {
	const turns = 20_000
	var b strings.Builder
	b.WriteString(`{"conversationId":"deep","title":"Deep","messagesTree":[`)
	for i := range turns {
		fmt.Fprintf(&b, `{"messageId":"m%d","isCreatedByUser":%t,"text":"number %d","createdAt":"2026-04-09T14:00:00Z","children":[`, i, i%2 == 0, i)
	}
	b.WriteString(strings.Repeat("]}", turns) + "]}")
	m, _ := readtest.Files(map[string][]byte{"deep.json": []byte(b.String())}).Member("deep.json")
	require.True(t, readtest.Recognised(Format(), m))
	found := readtest.Read(Format(), m)
	require.NoError(t, found.Err)
	require.Empty(t, found.Problems)
	require.Len(t, found.Conversations, 1)
	require.Len(t, found.Conversations[0].Messages, turns)
	for i, said := range found.Conversations[0].Messages {
		require.Equal(t, fmt.Sprintf("number %d", i), said.Text)
		require.Empty(t, said.Branch)
	}
}

func TestDamageLosesOnlyWhatFollows(t *testing.T) {
	const whole = `[{"conversationId":"a","messages":[{"messageId":"1","isCreatedByUser":true,"text":"first"}]},{"conversationId":"b","messages":[{"messageId":"2","text":"second"},{"messageId":"3","text":"third"}]}]`
	read := func(text string) (said []string, problems []string) {
		m, _ := readtest.Files(map[string][]byte{"a.json": []byte(text)}).Member("a.json")
		found := readtest.Read(Format(), m)
		require.NoError(t, found.Err, text)
		for _, c := range found.Conversations {
			for _, msg := range c.Messages {
				said = append(said, msg.Text)
			}
		}
		return said, found.Problems
	}
	said, problems := read(whole)
	require.Equal(t, []string{"first", "second", "third"}, said)
	require.Empty(t, problems)
	for cut := 1; cut < len(whole)-1; cut++ {
		said, problems = read(whole[:cut])
		require.LessOrEqual(t, len(said), 3)
		if end := strings.Index(whole, `},{"conversationId":"b"`); cut > end+1 && len(problems) == 0 {
			require.NotEmpty(t, said)
		}
	}
	said, problems = read(strings.Replace(whole, `"text":"second"`, `"text" "second"`, 1))
	require.Equal(t, []string{"first"}, said)
	require.Len(t, problems, 1)
	said, problems = read(strings.Replace(whole, `"text":"second"`, `"text":sec\nond`, 1))
	require.Equal(t, []string{"first", "third"}, said)
	require.Empty(t, problems)
}

func TestAConversationThatIsTooLarge(t *testing.T) {
	f := flattener{ctx: t.Context(), in: bufio.NewReader(strings.NewReader(`{"conversationId":"a","title":"` + strings.Repeat("x", 100) + `"}`)), max: 50}
	require.ErrorIs(t, f.each(func(conversation) error { return nil }), errTooLarge)
}

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata") }
