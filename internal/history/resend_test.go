package history_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/search"
)

// lines is an upload of messages in short form: "h:" is a human's message, "a:" an assistant's, "s:" a system
// message; "#1" is the client's id.
func lines(id string, messages ...string) chat.Upload {
	u := chat.Upload{ExternalID: id, Title: "About " + id, CreatedAt: now, UpdatedAt: now}
	for _, line := range messages {
		who, text, _ := strings.Cut(line, ":")
		role, name, _ := strings.Cut(who, "#")
		role = map[string]string{"h": "human", "a": "assistant", "s": "system"}[role]
		u.Messages = append(u.Messages, chat.UploadMessage{ExternalID: name, Role: role, Text: text})
	}
	return u
}

func (d *desk) lines(id chat.ConversationID) (said []string) {
	d.T.Helper()
	stored := d.Transcript(id)
	require.Len(d.T, stored.Turns, stored.Messages)
	for _, m := range stored.Turns {
		who := string(m.Sender[0])
		if m.ExternalID != "" {
			who += "#" + m.ExternalID
		}
		said = append(said, who+":"+m.Text)
	}
	return said
}

// However a conversation is sent again, no message is stored twice. (Package chat tests the rules one by one; this
// tests them through the store.)
func TestAResendNeverDuplicates(t *testing.T) {
	resends := map[string]struct {
		stored, sent string
		want         string // empty: the messages that were sent
	}{
		"a prompt with the date":        {"s:Today is Monday.|h:q|a:a|h:q2", "s:Today is Tuesday.|h:q|a:a|h:q2", ""},
		"a corrected question":          {"h:q|a:a|h:q2|a:a2", "h:corrected|a:a|h:q2|a:a2", ""},
		"a prompt in front":             {"h:q|a:a|h:q2|a:a2", "s:Be kind.|h:q|a:a|h:q2|a:a2", ""},
		"a blank message left out":      {"h:q|a:|h:q2|a:a2", "h:q|h:q2|a:a2", "h:q|a:|h:q2|a:a2"},
		"another encoding":              {"h:Zoë|a:naïve|h:q2", "h:Zoe\u0308|a:nai\u0308ve|h:q2", "h:Zoë|a:naïve|h:q2"},
		"a tail":                        {"h:q|a:a|h:q2|a:a2", "h:q2|a:a2|h:q3", "h:q|a:a|h:q2|a:a2|h:q3"},
		"a tail, its first corrected":   {"h:q|a:a|h:q2|a:a2", "h:corrected|a:a2|h:q3", "h:q|a:a|h:corrected|a:a2|h:q3"},
		"the first and the last":        {"h:q|a:a|h:q2|a:a2", "h:q|a:a2", "h:q|a:a|h:q2|a:a2"},
		"the middle edited":             {"h:q|a:a|h:q2|a:a2", "h:q|a:better|h:q2|a:a2", ""},
		"ids on the answers only":       {"h:q|a#1:a|h:q2|a#2:a2", "h:corrected|a#1:a|h:q2|a#2:a2", ""},
		"ids in the store only":         {"h#0:q|a#1:a|h#2:q2", "h:corrected|a:a|h:q2", "h#0:corrected|a#1:a|h#2:q2"},
		"the same text twice, grown":    {"h:go on|a:a|h:go on|a:a2", "h:go on|a:a|h:go on|a:a2|h:go on|a:a3", ""},
		"another order":                 {"h:q|a:a|h:q2|a:a2", "h:q|h:q2|a:a|a:a2", "h:q|a:a|h:q2|a:a2"},
		"last answer edited, and grown": {"h:q|a:a", "h:q|a:better|h:q2|a:a2", ""},
	}
	each(t, func(t *testing.T, d *desk) {
		for name, resend := range resends {
			first := d.Ingest(lines(name, strings.Split(resend.stored, "|")...))
			before := map[chat.MessageID]bool{}
			for _, m := range d.Transcript(first.Conversation.ID).Turns {
				before[m.ID] = true
			}
			want := resend.want
			if want == "" {
				want = resend.sent
			}
			for n := range 5 {
				again := d.Ingest(lines(name, strings.Split(resend.sent, "|")...))
				require.Equal(t, first.Conversation.ID, again.Conversation.ID)
				require.Equal(t, want, strings.Join(d.lines(first.Conversation.ID), "|"), "%s, sent again %d times", name, n+1)
			}
			kept := 0
			for _, m := range d.Transcript(first.Conversation.ID).Turns {
				if before[m.ID] {
					kept++
				}
			}
			require.Equal(t, len(before), kept, "%s: what was stored is edited in its place", name)
		}
		require.Empty(t, d.DB.Damage(t))
	})
}

// Twenty-one messages that are sent five times, each time with another date in the first one, stay twenty-one.
func TestFiveResendsOfTwentyOneMessages(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		say := func(day int) chat.Upload {
			messages := []string{fmt.Sprintf("s:Today is day %d.", day)}
			for i := range 10 {
				messages = append(messages, fmt.Sprint("h:question ", i), fmt.Sprint("a:answer ", i))
			}
			return lines("x", messages...)
		}
		id := d.Ingest(say(0)).Conversation.ID
		for day := range 5 {
			require.Equal(t, 21, d.Ingest(say(day+1)).Conversation.Messages)
		}
		require.Equal(t, "s:Today is day 5.", d.lines(id)[0])
	})
}

// A message that a re-send replaces can no longer be found from the commit on, before anything is re-indexed. The
// messages beside it can.
func TestReplacedMessagesLeaveTheIndexAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		first := "h:" + historytest.Words("kar", 150)
		u := lines("x", first, "a:"+historytest.Words("lim", 150), "h:"+historytest.Words("mon", 150), "a:"+historytest.Words("nob", 150))
		d.Ingest(u)
		require.Equal(t, 1, d.Index())
		u.Messages[0].Text = historytest.Words("pel", 150)
		d.Ingest(u)
		found := func(about string) int {
			return len(d.Search(search.Query{Text: historytest.Word(about, 20), Mode: search.Keyword}).Hits)
		}
		require.Zero(t, found("kar"))
		require.Positive(t, found("nob"))
		require.Empty(t, d.DB.Mentions(t, historytest.Word("kar", 20)))
		require.Equal(t, 1, d.Index())
		require.Positive(t, found("pel"))
		require.Empty(t, d.DB.Damage(t))
	})
}

// A re-send keeps what it does not contain: branches and hidden messages too.
func TestAResendKeepsBranchesAndHiddenMessages(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		u := say("a", "question", "first answer", "second answer")
		u.Messages[1].Branch, u.Messages[2].Hidden = "abandoned", true
		id := d.Ingest(u).Conversation.ID
		before := d.Transcript(id)
		d.Ingest(say("a", "question", "first answer", "second answer"))
		require.Equal(t, before.Turns, d.Transcript(id).Turns)

		shown := say("a", "question", "first answer", "second answer")
		shown.TellsMarks = true
		d.Ingest(shown)
		after := d.Transcript(id)
		require.Equal(t, []any{"", false}, []any{after.Turns[1].Branch, after.Turns[2].Hidden})
	})
}
