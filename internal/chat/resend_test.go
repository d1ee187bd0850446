package chat_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/lethe-chat/lethe/internal/chat"
)

// shapes are the ways in which clients send a conversation again. "s:" is a system
// message, "h:" a human one, "a:" an assistant's, "t:" a tool's; "#1" is the client's id.
var shapes = []struct {
	name               string
	stored, sent, want string // messages separated by "|"
}{
	{"whole, nothing new", "h:q|a:a|h:q2|a:a2", "h:q|a:a|h:q2|a:a2", "h:q|a:a|h:q2|a:a2"},
	{"whole, grown", "h:q|a:a", "h:q|a:a|h:q2|a:a2", "h:q|a:a|h:q2|a:a2"},

	{"first changed: a system prompt with a date", "s:Monday|h:q|a:a|h:q2", "s:Tuesday|h:q|a:a|h:q2", "s:Tuesday|h:q|a:a|h:q2"},
	{"first changed: a corrected question", "h:q|a:a|h:q2|a:a2", "h:corrected|a:a|h:q2|a:a2", "h:corrected|a:a|h:q2|a:a2"},
	{"first changed, and grown", "s:Monday|h:q|a:a", "s:Tuesday|h:q|a:a|h:q2|a:a2", "s:Tuesday|h:q|a:a|h:q2|a:a2"},
	{"first two changed", "s:Monday|h:q|a:a", "s:Tuesday|h:corrected|a:a", "s:Tuesday|h:corrected|a:a"},
	{"first changed, of two", "h:q|a:a", "h:corrected|a:a", "h:corrected|a:a"},
	{"the only message corrected", "h:What is the capitol of France?", "h:What is the capital of France?", "h:What is the capital of France?"},

	{"put in front: a system prompt", "h:q|a:a", "s:prompt|h:q|a:a", "s:prompt|h:q|a:a"},
	{"put in front: a question", "h:q|a:a", "h:prompt|h:q|a:a", "h:prompt|h:q|a:a"},
	{"put in front, and the first changed", "h:q|a:a|h:q2|a:a2", "s:prompt|h:corrected|a:a|h:q2|a:a2", "s:prompt|h:corrected|a:a|h:q2|a:a2"},
	{"put in front, and grown", "h:q|a:a", "s:prompt|h:q|a:a|h:q2", "s:prompt|h:q|a:a|h:q2"},
	{"a prompt before a tail, changed", "s:Monday|h:q|a:a|h:q2|a:a2", "s:Tuesday|h:q2|a:a2|h:q3", "s:Tuesday|h:q|a:a|h:q2|a:a2|h:q3"},

	{"a blank message dropped", "h:q|a:|h:q2|a:a2", "h:q|h:q2|a:a2", "h:q|a:|h:q2|a:a2"},
	{"a blank first message dropped", "h:|a:hello|h:q|a:a", "a:hello|h:q|a:a", "h:|a:hello|h:q|a:a"},
	{"a blank message new in front", "a:hello|h:q|a:a", "h:|a:hello|h:q|a:a", "h:|a:hello|h:q|a:a"},
	{"a blank message filled", "h:q|a:", "h:q|a:a", "h:q|a:a"},
	{"a blank message filled in the middle", "h:q|a: |h:q2|a:a2", "h:q|a:a|h:q2|a:a2", "h:q|a:a|h:q2|a:a2"},
	{"a blank dropped and the first changed", "h:q|a:|h:q2|a:a2", "h:corrected|h:q2|a:a2", "h:corrected|a:|h:q2|a:a2"},

	{"tail only", "h:q|a:a|h:q2|a:a2", "h:q2|a:a2", "h:q|a:a|h:q2|a:a2"},
	{"tail only, grown", "h:q|a:a|h:q2|a:a2", "a:a2|h:q3|a:a3", "h:q|a:a|h:q2|a:a2|h:q3|a:a3"},
	{"tail only, its first changed", "h:q|a:a|h:q2|a:a2", "h:corrected|a:a2|h:q3", "h:q|a:a|h:corrected|a:a2|h:q3"},
	{"tail only, its last changed", "h:q|a:a|h:q2|a:a2", "h:q2|a:better", "h:q|a:a|h:q2|a:better"},
	{"only what is new", "h:q|a:a", "h:q2|a:a2", "h:q|a:a|h:q2|a:a2"},
	{"only what is new, with a text that is there", "h:hi|a:hello|h:ok|a:a|h:thanks|a:b", "h:ok|a:c", "h:hi|a:hello|h:ok|a:a|h:thanks|a:b|h:ok|a:c"},

	{"only first and last", "h:q|a:a|h:q2|a:a2|h:q3|a:a3", "h:q|a:a3", "h:q|a:a|h:q2|a:a2|h:q3|a:a3"},
	{"only first and last, grown", "h:q|a:a|h:q2|a:a2|h:q3|a:a3", "h:q|a:a3|h:q4", "h:q|a:a|h:q2|a:a2|h:q3|a:a3|h:q4"},
	{"only first and a new last", "h:q|a:a|h:q2|a:a2", "h:q|a:a3", "h:q|a:a|h:q2|a:a2|a:a3"},
	{"only the first page", "h:q|a:a|h:q2|a:a2", "h:q|a:a", "h:q|a:a|h:q2|a:a2"},
	{"one message of many", "h:q|a:a|h:q2|a:a2", "a:a", "h:q|a:a|h:q2|a:a2"},
	{"only the questions", "h:q|a:a|h:q2|a:a2", "h:q|h:q2", "h:q|a:a|h:q2|a:a2"},

	{"middle edited", "h:q|a:a|h:q2|a:a2", "h:q|a:better|h:q2|a:a2", "h:q|a:better|h:q2|a:a2"},
	{"two in the middle edited", "h:q|a:a|h:q2|a:a2|h:q3", "h:q|a:better|h:corrected|a:a2|h:q3", "h:q|a:better|h:corrected|a:a2|h:q3"},
	{"every second edited", "h:q|a:a|h:q2|a:a2|h:q3|a:a3", "h:q|a:b|h:q2|a:b2|h:q3|a:b3", "h:q|a:b|h:q2|a:b2|h:q3|a:b3"},
	{"last edited, and grown", "h:q|a:a", "h:q|a:better|h:q2|a:a2", "h:q|a:better|h:q2|a:a2"},
	{"last answer grown", "h:q|a:The answer", "h:q|a:The answer goes on", "h:q|a:The answer goes on"},
	{"inserted in the middle", "h:q|a:a|h:q2|a:a2", "h:q|a:a|s:note|h:q2|a:a2", "h:q|a:a|s:note|h:q2|a:a2"},
	{"one sender's edited, another's inserted", "h:q|a:a|h:q2", "h:q|t:call|a:better|h:q2", "h:q|t:call|a:better|h:q2"},
	{"another sender in the same place", "h:1|h:2|h:3", "h:1|a:2|h:3", "h:1|a:2|h:2|h:3"},
	{"cut off and gone on", "h:q|a:a|h:q2|a:a2|h:q3|a:a3", "h:q|a:a|h:other|a:answer", "h:q|a:a|h:q2|a:a2|h:q3|a:a3|h:other|a:answer"},

	{"ids on the answers only, question edited", "h:q|a#1:a|h:q2|a#2:a2", "h:corrected|a#1:a|h:q2|a#2:a2", "h:corrected|a#1:a|h:q2|a#2:a2"},
	{"ids on the answers only, all edited", "h:q|a#1:a|h:q2|a#2:a2", "h:b|a#1:c|h:b2|a#2:c2", "h:b|a#1:c|h:b2|a#2:c2"},
	{"ids on the answers only, tail", "h:q|a#1:a|h:q2|a#2:a2", "h:corrected|a#2:a2|h:q3|a#3:a3", "h:q|a#1:a|h:corrected|a#2:a2|h:q3|a#3:a3"},
	{"ids in the store only", "h#0:q|a#1:a|h#2:q2", "h:q|a:a|h:q2|a:a2", "h#0:q|a#1:a|h#2:q2|a:a2"},
	{"ids in the store only, first edited", "h#0:q|a#1:a", "h:corrected|a:a", "h#0:corrected|a#1:a"},
	{"ids learned later", "h:q|a:a", "h#0:q|a#1:a", "h#0:q|a#1:a"},
	{"ids learned later, first edited", "h:q|a:a", "h#0:corrected|a#1:a", "h#0:corrected|a#1:a"},
	{"another id is another message", "h#0:q|a#1:a", "h#9:q again|a#1:a", "h#0:q|h#9:q again|a#1:a"},

	{"same text twice", "h:go on|a:a|h:go on|a:a2", "h:go on|a:a|h:go on|a:a2", "h:go on|a:a|h:go on|a:a2"},
	{"same text twice, grown", "h:go on|a:a", "h:go on|a:a|h:go on|a:a2|h:go on|a:a3", "h:go on|a:a|h:go on|a:a2|h:go on|a:a3"},
	{"same text twice, one answer edited", "h:go on|a:a|h:go on|a:a2", "h:go on|a:better|h:go on|a:a2", "h:go on|a:better|h:go on|a:a2"},
	{"same text twice, both answers edited", "h:go on|a:a|h:go on|a:a2", "h:go on|a:b|h:go on|a:b2", "h:go on|a:b|h:go on|a:b2"},
	{"same text twice, tail", "h:go on|a:a|h:go on|a:a2", "h:go on|a:a2|h:go on|a:a3", "h:go on|a:a|h:go on|a:a2|h:go on|a:a3"},
	{"same text twice, last answer edited in a tail", "h:go on|a:a|h:go on|a:a2", "h:go on|a:better", "h:go on|a:a|h:go on|a:better"},
	{"all the same", "h:x|h:x|h:x", "h:x|h:x|h:x|h:x", "h:x|h:x|h:x|h:x"},
	{"all the same, fewer", "h:x|h:x|h:x", "h:x|h:x", "h:x|h:x|h:x"},

	{"reordered neighbours", "h:q|a:a|h:q2|a:a2", "h:q|h:q2|a:a|a:a2", "h:q|a:a|h:q2|a:a2"},
	{"reversed", "h:q|a:a|h:q2|a:a2", "a:a2|h:q2|a:a|h:q", "h:q|a:a|h:q2|a:a2"},
	{"last put first", "h:q|a:a|h:q2|a:a2", "a:a2|h:q|a:a|h:q2", "h:q|a:a|h:q2|a:a2"},
	{"a tail, and its first question again", "h:q|a:a|h:q2|a:a2", "a:a|h:q2|a:a2|h:q", "h:q|a:a|h:q2|a:a2|h:q"},
	{"reordered by id", "h#0:q|a#1:a|h#2:q2", "h#2:q2|a#1:a|h#0:q", "h#0:q|a#1:a|h#2:q2"},
	{"reordered, and grown", "h:q|a:a|h:q2|a:a2", "a:a|h:q|h:q2|a:a2|h:q3", "h:q|a:a|h:q2|a:a2|h:q3"},

	{"reordered, with an id for a text that is there twice", "h:|h:q|h:x|h:x", "h#0:x|h:q", "h:|h#0:x|h:q|h:x|h:x"},
	{"few texts in another order, of which some are new", "h:2|h:0|a:0|h:2|a:0|h:3", "a:0|h:0|h:0|h:0|a:0", "a:0|h:0|h:0|a:0|h:0|a:0|h:3"},

	{"NFC against NFD", "h:Émilie à Noël|a:Zoë", "h:\u0045\u0301milie a\u0300 Noe\u0308l|a:Zoe\u0308", "h:Émilie à Noël|a:Zoë"},
	{"NFD against NFC, grown", "h:Zoe\u0308|a:naı\u0308ve", "h:Zoë|a:naı\u0308ve|h:ok", "h:Zoe\u0308|a:naı\u0308ve|h:ok"},

	{"white space: all trimmed", "h: q \n|a:a\n|h: q2|a:a2 ", "h:q|a:a|h:q2|a:a2", "h:q|a:a|h:q2|a:a2"},
	{"white space: all trimmed, and grown", "h:q\n|a:a\n", "h:q|a:a|h:q2", "h:q|a:a|h:q2"},
	{"white space: all trimmed, tail", "h:q\n|a:a\n|h:q2\n|a:a2\n", "h:q2|a:a2|h:q3", "h:q\n|a:a\n|h:q2|a:a2|h:q3"},
	{"white space: line endings", "h:one\r\ntwo|a:a\r\n\r\nb", "h:one\ntwo|a:a\n\nb", "h:one\ntwo|a:a\n\nb"},
	{"white space: lines wrapped", "h:one two three|a:four five six", "h:one two\nthree|a:four five\nsix", "h:one two\nthree|a:four five\nsix"},
	{"white space: no-break spaces", "h:one\u00a0two|a:three\u3000four", "h:one two|a:three four", "h:one two|a:three four"},
	{"white space: and the first changed", "s:Monday|h: q |a:a\n", "s:Tuesday|h:q|a:a", "s:Tuesday|h:q|a:a"},
	{"white space: put in front", "h: q |a:a\n", "s:prompt|h:q|a:a", "s:prompt|h:q|a:a"},
	{"white space: middle edited", "h: q |a:a\n|h:q2\n|a:a2\n", "h:q|a:better|h:q2|a:a2", "h:q|a:better|h:q2|a:a2"},
	{"white space: a blank message", "h:q|a:  |h:q2\n|a:a2", "h:q |a:|h:q2|a:a2 ", "h:q |a:|h:q2|a:a2 "},
	{"white space: ids on the answers only", "h:q\n|a#1:a\n|h:q2\n|a#2:a2\n", "h:q|a#1:a|h:q2|a#2:a2", "h:q|a#1:a|h:q2|a#2:a2"},
	{"white space: ids in the store only", "h#0:q\n|a#1:a\n", "h:q|a:a|h:q2", "h#0:q|a#1:a|h:q2"},
	{"white space: alike but for it, the second edited", "h:go on|h:go on ", "h:go on|h:stop", "h:go on|h:stop"},
	{"white space: a word split is an edit", "h:to gether now and forever|a:a", "h:together now and forever|a:a", "h:together now and forever|a:a"},
}

func TestEveryShapeOfAResend(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			before := stored(t, strings.Split(shape.stored, "|")...)
			u := said(t, strings.Split(shape.sent, "|")...)
			m := chat.Merge(before, u)
			require.Equal(t, shape.want, strings.Join(short(m.Messages), "|"))
			for range 5 {
				before.Turns = m.Messages
				m = chat.Merge(before, u)
				require.False(t, m.Changed(), "sending it again changes nothing: %v", short(m.Messages))
			}
		})
	}
}

// One message of twenty that changes with each upload is replaced each time.
func TestAPromptWithTheDateDoesNotPileUp(t *testing.T) {
	lines := func(day string) []string {
		all := []string{"s:Today is " + day}
		for i := range 10 {
			all = append(all, "h:question "+string(rune('a'+i)), "a:answer "+string(rune('a'+i)))
		}
		return all
	}
	chats := stored(t, lines("Monday")...)
	for _, day := range []string{"Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"} {
		m := chat.Merge(chats, said(t, lines(day)...))
		chats.Turns = m.Messages
		require.Len(t, m.Messages, 21)
		require.Len(t, m.Edited, 1)
		require.Equal(t, "Today is "+day, m.Messages[0].Text)
	}
}

// A different encoding of accents is not an edit: the index stays as it is.
func TestAnotherEncodingChangesNothing(t *testing.T) {
	before := stored(t, "h#1:"+norm.NFC.String("Zoë à Noël"), "a:"+norm.NFD.String("naïve"))
	m := chat.Merge(before, said(t, "h#1:"+norm.NFD.String("Zoë à Noël"), "a:"+norm.NFC.String("naïve")))
	require.False(t, m.Changed())
	require.Equal(t, before.Turns, m.Messages)
}

// Marks that an upload cannot express stay. A source that knows them can change them. A
// client that does not see a marked message does not overwrite it.
func TestBranchesAndHiddenMessagesOfAResend(t *testing.T) {
	u := chat.Upload{ExternalID: "x", Title: "T", Messages: []chat.UploadMessage{
		{Role: "human", Text: "q"}, {Role: "assistant", Text: "first", Branch: "abandoned"}, {Role: "assistant", Text: "second", Hidden: true}, {Role: "assistant", Text: "third"},
	}}
	before := chat.NewTranscript(valid(t, u, noon))

	m := chat.Merge(before, said(t, "h:q", "a:first", "a:second", "a:third"))
	require.False(t, m.Changed())
	require.Equal(t, before.Turns, m.Messages)

	m = chat.Merge(before, said(t, "h:q", "a:better", "h:q2"))
	require.Equal(t, []string{"h:q", "a:first", "a:second", "a:better", "h:q2"}, short(m.Messages))

	told := chat.Upload{ExternalID: "x", TellsMarks: true, Messages: []chat.UploadMessage{
		{Role: "human", Text: "q"}, {Role: "assistant", Text: "first"}, {Role: "assistant", Text: "second"}, {Role: "assistant", Text: "third", Branch: "abandoned"},
	}}
	m = chat.Merge(before, valid(t, told, noon))
	require.Len(t, m.Edited, 3)
	require.Equal(t, []chat.Message{m.Messages[1], m.Messages[2], m.Messages[3]}, m.Edited)
	require.Equal(t, []any{"", false, "abandoned"}, []any{m.Messages[1].Branch, m.Messages[2].Hidden, m.Messages[3].Branch})
	require.Equal(t, []chat.Span{{From: 3, To: 3}}, m.Outdated, "a message that search must not find leaves the index")
}
