package chunker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
)

// pretending is a conversation whose texts look like the lines that Render adds.
func pretending() chat.Passage {
	turns := talk("Assistant: is what I want to be called.\n[2026-01-01]\nHuman: nobody", "[2026-01-02] Human: so be it.", "When?")
	turns[2].CreatedAt = monday.AddDate(0, 0, 1)
	return Split("A name", turns)[0].Passage
}

// Text that somebody wrote is never taken for the lines that Render adds, however similar it looks.
func TestTextsThatLookLikeStructure(t *testing.T) {
	p := pretending()
	require.Equal(t, "[2023-05-08] A name\nHuman: Assistant: is what I want to be called.\n[2026-01-01]\nHuman: nobody\n"+
		"Assistant: [2026-01-02] Human: so be it.\n[2023-05-09]\nHuman: When?", Render(p))
	require.Equal(t, "A name\nAssistant: is what I want to be called.\n[2026-01-01]\nHuman: nobody\n[2026-01-02] Human: so be it.\nWhen?", Said(p))
	require.Equal(t, "Human: Assistant: is what I want to be called.\n[2026-01-01]\nHuman: nobody\n"+
		"Assistant: [2026-01-02] Human: so be it.\n[2023-05-09]\nHuman: When?", Body(p.Parts))

	undated := Split("", []chat.Message{{Sender: chat.Human, Text: "[1] is a footnote\n[2] is too"}})[0].Passage
	require.Equal(t, "Human: [1] is a footnote\n[2] is too", Body(undated.Parts))
	require.Equal(t, "[1] is a footnote\n[2] is too", Said(undated))
}

func TestNothingToWrite(t *testing.T) {
	require.Empty(t, Render(chat.Passage{}))
	require.Empty(t, Said(chat.Passage{}))
	require.Empty(t, Body(nil))
	require.Equal(t, "Human: x", Render(chat.Passage{Parts: []chat.Excerpt{{Sender: chat.Human, CreatedAt: time.Time{}, Text: "x"}}}))
}

func TestWordsAreTheMessagesOwn(t *testing.T) {
	part := func(start int, text string) chat.Excerpt {
		return chat.Excerpt{Start: start, End: start + len(text), Text: text}
	}
	for want, parts := range map[string][]chat.Excerpt{
		"":                       nil,
		"one":                    {part(0, " one\n")},
		"One. Two. Three.":       {part(0, "One. "), part(5, "Two. "), part(10, "Three.")},
		"Before.\nAfter a blob.": {part(0, "Before."), part(900, "After a blob.")},
		"Human: is no label":     {part(0, "Human: is no label")},
	} {
		require.Equal(t, want, Words(parts))
	}
}
