package chat_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// said builds an upload from a short notation: "h:hello" is a human message, "a#7:hi"
// an assistant message with the id 7.
func said(t *testing.T, lines ...string) chat.ValidUpload {
	t.Helper()
	return valid(t, sent(lines...), noon)
}

func valid(t testing.TB, u chat.Upload, now time.Time) chat.ValidUpload {
	t.Helper()
	v, err := u.Validate(now)
	require.NoError(t, err)
	return v
}

func sent(lines ...string) chat.Upload {
	u := chat.Upload{ExternalID: "x", Title: "T"}
	for _, line := range lines {
		who, text, _ := strings.Cut(line, ":")
		role, id, _ := strings.Cut(who, "#")
		u.Messages = append(u.Messages, chat.UploadMessage{
			Role: map[string]string{"h": "human", "a": "assistant", "s": "system", "t": "tool"}[role], ExternalID: id, Text: text,
		})
	}
	return u
}

func stored(t *testing.T, lines ...string) chat.Transcript {
	t.Helper()
	return chat.NewTranscript(said(t, lines...))
}

func short(messages []chat.Message) (lines []string) {
	for _, m := range messages {
		who := string(m.Sender[0])
		if m.ExternalID != "" {
			who += "#" + m.ExternalID
		}
		lines = append(lines, who+":"+m.Text)
	}
	return lines
}

func TestMerge(t *testing.T) {
	for _, test := range []struct {
		name                   string
		stored, sent, want     []string
		added, edited, rewrite int
	}{
		{"the same again", []string{"h:1", "a:2"}, []string{"h:1", "a:2"}, []string{"h:1", "a:2"}, 0, 0, 2},
		{"the same again, by id", []string{"h#1:1", "a#2:2"}, []string{"h#1:1", "a#2:2"}, []string{"h#1:1", "a#2:2"}, 0, 0, 2},
		{"more at the end", []string{"h:1", "a:2"}, []string{"h:1", "a:2", "h:3"}, []string{"h:1", "a:2", "h:3"}, 1, 0, 2},
		{"only the tail, by id", []string{"h#1:1", "a#2:2"}, []string{"a#2:2", "h#3:3"}, []string{"h#1:1", "a#2:2", "h#3:3"}, 1, 0, 2},
		{"only the tail, by content", []string{"h:1", "a:2"}, []string{"a:2", "h:3"}, []string{"h:1", "a:2", "h:3"}, 1, 0, 2},
		{"only what is new", []string{"h:1", "a:2"}, []string{"h:3", "a:4"}, []string{"h:1", "a:2", "h:3", "a:4"}, 2, 0, 2},
		{"edited, by id", []string{"h#1:1", "a#2:2"}, []string{"h#1:1b"}, []string{"h#1:1b", "a#2:2"}, 0, 1, 2},
		{"edited, by place in a whole re-send", []string{"h:1", "a:2", "h:3"}, []string{"h:1", "a:2b", "h:3"}, []string{"h:1", "a:2b", "h:3"}, 0, 1, 3},
		{"an answer that has grown", []string{"h:1", "a:2"}, []string{"h:1", "a:2 and more"}, []string{"h:1", "a:2 and more"}, 0, 1, 2},
		{"inserted, by id", []string{"h#1:1", "h#3:3"}, []string{"h#1:1", "a#2:2", "h#3:3"}, []string{"h#1:1", "a#2:2", "h#3:3"}, 1, 0, 1},
		{"inserted before all, by id", []string{"h#2:2"}, []string{"h#1:1", "h#2:2"}, []string{"h#1:1", "h#2:2"}, 1, 0, 0},
		{"missing ones are kept", []string{"h#1:1", "a#2:2", "h#3:3"}, []string{"h#1:1", "h#3:3"}, []string{"h#1:1", "a#2:2", "h#3:3"}, 0, 0, 3},
		{"ids learned later", []string{"h:1", "a:2"}, []string{"h#1:1", "a#2:2"}, []string{"h#1:1", "a#2:2"}, 0, 2, 2},
		{"ids not given again", []string{"h#1:1", "a#2:2"}, []string{"h:1", "a:2", "h:3"}, []string{"h#1:1", "a#2:2", "h:3"}, 1, 0, 2},
		{
			"what resembles the middle overwrites nothing",
			[]string{"h:hi", "a:hello", "h:ok", "a:A", "h:thanks", "a:B"}, []string{"h:ok", "a:C"},
			[]string{"h:hi", "a:hello", "h:ok", "a:A", "h:thanks", "a:B", "h:ok", "a:C"}, 2, 0, 6,
		},
		{"another sender in the same place", []string{"h:1", "h:2", "h:3"}, []string{"h:1", "a:2", "h:3"}, []string{"h:1", "a:2", "h:2", "h:3"}, 1, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := stored(t, test.stored...)
			m := chat.Merge(before, said(t, test.sent...))
			require.Equal(t, test.want, short(m.Messages))
			require.Equal(t, test.added, m.Added, "added")
			require.Len(t, m.Edited, test.edited, "edited")
			require.Equal(t, test.rewrite, m.RewriteFrom, "rewrite from")
			for i, msg := range m.Messages {
				require.Equal(t, i, msg.Position)
			}
		})
	}
}

// For any upload: no stored message is lost unless it was edited by its id or in its
// place, every sent message is stored, ids stay unique, and a second upload changes
// nothing.
func TestMergeKeepsItsPromises(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	line := func(named bool) string {
		who := []string{"h", "a"}[rng.IntN(2)]
		if named {
			return fmt.Sprintf("%s#%d:%d", who, rng.IntN(1000), rng.IntN(4))
		}
		return fmt.Sprintf("%s:%d", who, rng.IntN(4))
	}
	for round := range 3000 {
		before := chat.NewTranscript(random(t, rng, line))
		u := random(t, rng, line)
		m := chat.Merge(before, u)
		kept := map[chat.MessageID]chat.Message{}
		for _, msg := range m.Messages {
			_, twice := kept[msg.ID]
			require.False(t, twice, "round %d: an id twice", round)
			kept[msg.ID] = msg
		}
		edited := 0
		for _, old := range before.Turns {
			now, ok := kept[old.ID]
			require.True(t, ok, "round %d: a stored message was lost", round)
			if now.Text != old.Text || now.Sender != old.Sender || now.ExternalID != old.ExternalID {
				edited++
			}
		}
		require.Len(t, m.Edited, edited, "round %d", round)
		require.Len(t, m.Messages, len(before.Turns)+m.Added, "round %d", round)
		for _, sent := range short(chat.NewTranscript(u).Turns) {
			text := sent[strings.Index(sent, ":"):]
			require.True(t, strings.Contains(strings.Join(short(m.Messages), "\n"), text), "round %d: %q is missing", round, sent)
		}
		after := before
		after.Turns = m.Messages
		again := chat.Merge(after, u)
		require.False(t, again.Changed(), "round %d: sending it again changed something:\n%v\n%v\n%v", round, short(before.Turns), short(m.Messages), short(again.Messages))
	}
}

func random(t *testing.T, rng *rand.Rand, line func(bool) string) chat.ValidUpload {
	named := rng.IntN(2) == 0
	ids := map[string]bool{}
	var lines []string
	for range 1 + rng.IntN(6) {
		l := line(named)
		who, _, _ := strings.Cut(l, ":")
		_, id, _ := strings.Cut(who, "#")
		if id != "" && ids[id] {
			continue
		}
		ids[id] = true
		lines = append(lines, l)
	}
	return said(t, lines...)
}

func TestMergeChangesOnlyWhatTheUploadSays(t *testing.T) {
	first := chat.Upload{ExternalID: "x", Title: "Given", CreatedAt: noon, UpdatedAt: noon.Add(time.Hour), Messages: []chat.UploadMessage{{Role: "user", Text: "a", CreatedAt: noon}}}
	before := chat.NewTranscript(valid(t, first, noon))

	again := chat.Upload{ExternalID: "x", Messages: []chat.UploadMessage{{Role: "user", Text: "a"}}}
	m := chat.Merge(before, valid(t, again, noon.Add(48*time.Hour)))
	require.False(t, m.Changed())
	require.Equal(t, "Given", m.Title)
	require.Equal(t, noon, m.CreatedAt)
	require.Equal(t, noon.Add(time.Hour), m.UpdatedAt)
	require.Equal(t, noon, m.Messages[0].CreatedAt)

	more := chat.Upload{ExternalID: "x", Title: "New", Messages: []chat.UploadMessage{{Role: "user", Text: "a"}, {Role: "ai", Text: "b"}}}
	m = chat.Merge(before, valid(t, more, noon.Add(48*time.Hour)))
	require.True(t, m.Changed())
	require.Equal(t, "New", m.Title)
	require.Equal(t, noon.Add(48*time.Hour), m.UpdatedAt)
	require.Equal(t, noon.Add(48*time.Hour), m.Messages[1].CreatedAt)
}

// A derived title follows the message that it was derived from. Otherwise it would keep
// words that were edited out.
func TestATitleOfItsOwnFollowsItsMessage(t *testing.T) {
	unnamed := func(lines ...string) chat.ValidUpload {
		u := sent(lines...)
		u.Title = ""
		return valid(t, u, noon)
	}
	stored := chat.NewTranscript(unnamed("h#1:the old secret", "a#2:indeed"))
	require.Equal(t, "the old secret", stored.Title)
	require.Equal(t, "something else", chat.Merge(stored, unnamed("h#1:something else")).Title)
	require.Equal(t, "the old secret", chat.Merge(stored, unnamed("a#2:something else")).Title)
	stored.Title = "Named by somebody"
	require.Equal(t, "Named by somebody", chat.Merge(stored, unnamed("h#1:something else")).Title)
	require.Equal(t, "T", chat.Merge(stored, said(t, "h#1:something else")).Title)
}

// A chunk of an edited text is outdated, and so is the chunk of an answer that repeats
// the text as its question.
func TestEditedTextsAreOutdated(t *testing.T) {
	before := stored(t, "h#1:one", "a#2:two", "h#3:three", "a#4:four")
	for _, test := range []struct {
		sent []string
		want []chat.Span
	}{
		{[]string{"h#1:one", "a#2:two"}, nil},
		{[]string{"h#1:one", "h#5:five"}, nil},
		{[]string{"h#1:another"}, []chat.Span{{From: 0, To: 1}}},
		{[]string{"a#4:another"}, []chat.Span{{From: 3, To: 3}}},
		{[]string{"h#0:zero", "h#3:another", "a#4:another"}, []chat.Span{{From: 2, To: 3}, {From: 3, To: 3}}},
	} {
		require.Equal(t, test.want, chat.Merge(before, said(t, test.sent...)).Outdated, "%v", test.sent)
	}
}
