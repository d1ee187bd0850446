package draft

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/tree"
)

// hand hands a conversation over and returns it, or nil when it was left out.
func hand(t *testing.T, c *Chat, out *format.Out) (got *format.Conversation) {
	t.Helper()
	out.Take = func(c format.Conversation) error {
		got = &c
		return nil
	}
	require.NoError(t, c.Hand(out))
	return got
}

func at(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }

func TestAConversationIsFinished(t *testing.T) {
	out := &format.Out{}
	c := New("p", "P", "id", format.Place{Member: "m"})
	c.Title = " Title\x00 "
	c.Say(Human("1", "A\x07 question", at(5)), Assistant("2", " \n", at(6)), Assistant("1", "An answer", time.Time{}))
	c.Say(chat.UploadMessage{Role: "human", Files: []string{"a.png", " "}, CreatedAt: at(9)})
	got := hand(t, c, out)
	require.Equal(t, chat.Upload{
		Platform: "p", DisplayName: "P", ExternalID: "id", Title: "Title", CreatedAt: at(5), UpdatedAt: at(9), TellsMarks: true,
		Messages: []chat.UploadMessage{
			{ExternalID: "1", Role: "human", Text: "A question", CreatedAt: at(5), Files: []string{}},
			{Role: "assistant", Text: "An answer", CreatedAt: at(5), Inferred: true, Files: []string{}},
			{Role: "human", CreatedAt: at(9), Files: []string{"a.png"}},
		},
	}, withFiles(got.Upload))
	require.Equal(t, "m", got.Place.Member)
	require.Equal(t, map[format.Warning]int{RepeatedID: 1, format.EmptyMessage: 1, format.TimeInferred: 1, format.FileNotIncluded: 1}, out.Warnings)
}

// withFiles replaces missing lists of files by empty ones.
func withFiles(u chat.Upload) chat.Upload {
	for i := range u.Messages {
		if u.Messages[i].Files == nil {
			u.Messages[i].Files = []string{}
		}
	}
	return u
}

func TestAConversationWithoutMessagesIsLeftOut(t *testing.T) {
	out := &format.Out{}
	c := New("p", "P", "id", format.Place{})
	c.Say(Human("1", "", at(1)))
	require.Nil(t, hand(t, c, out))
	require.Equal(t, 1, out.Warnings[format.EmptyChat])
}

func TestAConversationWithoutAnIDIsAProblem(t *testing.T) {
	var problems []error
	out := &format.Out{Fail: func(_ format.Place, err error) { problems = append(problems, err) }}
	c := New("p", "P", "", format.Place{})
	c.Say(Human("1", "Who?", at(1)))
	require.Nil(t, hand(t, c, out))
	require.Equal(t, []error{errNoID}, problems)
}

func TestAConversationWithoutTimesSaysSo(t *testing.T) {
	out := &format.Out{}
	c := New("p", "P", "id", format.Place{})
	c.Say(Human("1", "When?", time.Time{}))
	got := hand(t, c, out)
	require.False(t, got.Messages[0].Inferred, "no time was inferred here")
	require.Equal(t, 1, out.Warnings[NoTimes])
}

func TestNodesBecomeAPathAndBranches(t *testing.T) {
	out := &format.Out{}
	c := New("p", "P", "id", format.Place{})
	c.Node(tree.Node{ID: "c", Parent: "a", At: at(3)}, Hidden(chat.Assistant, Part("c", "thinking"), "Hm", time.Time{}), Assistant("c", "New", time.Time{}))
	c.Node(tree.Node{ID: "b", Parent: "a", At: at(2)}, Assistant("b", "Old", at(2)))
	c.Node(tree.Node{ID: "a", Parent: "gone", At: at(1)}, Human("a", "Ask", at(1)))
	c.Arrange("", out)
	got := hand(t, c, out)
	var said []string
	for _, m := range got.Messages {
		said = append(said, m.ExternalID+" "+m.Branch+" "+m.CreatedAt.Format("05"))
	}
	require.Equal(t, []string{"a  01", "c:thinking  03", "c  03", "b b 02"}, said)
	require.Equal(t, 1, out.Warnings[format.MissingParent])
}

// A node that is in the file twice counts once. Two different nodes with the same id are both kept.
func TestNodesWithTheSameID(t *testing.T) {
	out := &format.Out{}
	c := New("p", "P", "id", format.Place{})
	c.Node(tree.Node{ID: "a"})
	c.Node(tree.Node{ID: "a", At: at(1)}, Human("a", "Ask", at(1)))
	c.Node(tree.Node{ID: "a", At: at(1)}, Human("a", "Ask", at(1)))
	c.Node(tree.Node{ID: "a"})
	c.Node(tree.Node{ID: "a", Parent: "a", At: at(2)}, Assistant("a", "Answer", at(2)))
	c.Arrange("", out)
	got := hand(t, c, out)
	require.Len(t, got.Messages, 2)
	require.Equal(t, "Ask", got.Messages[0].Text)
	require.Equal(t, "Answer", got.Messages[1].Text)
	require.Equal(t, []string{"a", ""}, []string{got.Messages[0].ExternalID, got.Messages[1].ExternalID})
}

func TestPart(t *testing.T) {
	require.Equal(t, "a:thinking", Part("a", "thinking"))
	require.Empty(t, Part("", "thinking"))
}
