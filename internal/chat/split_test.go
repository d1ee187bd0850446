package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// keeper merges uploads into a conversation one after the other, as the store does: a part
// is merged with the messages from its position on.
type keeper struct {
	t testing.TB
	chat.Transcript
}

func (s *keeper) add(u chat.Upload) chat.Merged {
	s.t.Helper()
	v := valid(s.t, u, noon)
	if s.Turns == nil {
		s.Transcript = chat.NewTranscript(v)
		return chat.Merged{Messages: s.Turns, Added: len(s.Turns)}
	}
	tail := s.Transcript
	tail.Turns = slices.Clone(s.Turns[v.From():])
	m := chat.Merge(tail, v)
	require.Equal(s.t, v.From(), m.From)
	s.Turns = append(slices.Clone(s.Turns[:m.From]), m.Messages...)
	require.Equal(s.t, len(s.Turns), m.Count())
	for i, turn := range s.Turns {
		require.Equal(s.t, i, turn.Position)
	}
	s.Title, s.CreatedAt, s.UpdatedAt, s.Pinned, s.Source = m.Title, m.CreatedAt, m.UpdatedAt, m.Pinned, m.Source
	return m
}

// told returns the conversation without the ids that Lethe assigns.
func (s *keeper) told() chat.Transcript {
	t := s.Transcript
	t.ID, t.Messages, t.Turns = "", 0, slices.Clone(t.Turns)
	for i := range t.Turns {
		t.Turns[i].ID = ""
	}
	return t
}

// anyChat returns a conversation in which texts repeat, in one of several shapes.
func anyChat(random *rand.Rand, n int) chat.Upload {
	u := chat.Upload{ExternalID: "x", Title: "T", CreatedAt: noon, UpdatedAt: noon.Add(time.Hour), TellsMarks: true}
	ids, texts, dated := random.IntN(3), 1+random.IntN(4)*random.IntN(20), random.IntN(3) > 0
	for i := range n {
		m := chat.UploadMessage{Role: []string{"human", "assistant"}[random.IntN(2)], Text: fmt.Sprint("text ", random.IntN(texts))}
		if dated {
			m.CreatedAt = noon.Add(time.Duration(i) * time.Second)
		}
		if ids == 1 || (ids == 2 && random.IntN(2) == 0) {
			m.ExternalID = fmt.Sprint("m", i)
		}
		switch random.IntN(12) {
		case 0:
			m.Text = ""
		case 1:
			m.Hidden = true
		case 2:
			m.Branch = "b"
		case 3:
			m.Files = []string{"f"}
		}
		u.Messages = append(u.Messages, m)
	}
	return u
}

// A conversation that is uploaded in parts is the same as one that is uploaded at once, also when the parts are sent
// again, and after it has grown or was edited.
func TestPartsAreTheWhole(t *testing.T) {
	const seed = 20260302
	for round := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, round))
		u := anyChat(random, 2+random.IntN(40))
		whole := &keeper{t: t}
		whole.add(u)
		parts := u.Split(chat.PartLimits{Messages: 1 + random.IntN(9), Bytes: 20 + random.IntN(200)})
		parts[0].From = new(0) // as in an exported file
		divided := &keeper{t: t}
		for _, part := range parts {
			divided.add(part)
		}
		require.Equal(t, whole.told(), divided.told(), "round %d", round)
		again := func(when string) {
			for i, part := range parts {
				m := divided.add(part)
				require.Empty(t, m.Edited, "round %d, part %d, %s", round, i, when)
				require.Zero(t, m.Added, "round %d, part %d, %s", round, i, when)
			}
		}
		again("sent again")

		grown := anyChat(random, 1+random.IntN(10))
		grown.From = new(len(u.Messages))
		for i := range grown.Messages {
			grown.Messages[i].ExternalID = ""
		}
		divided.add(grown)
		again("after it has grown")

		at := random.IntN(len(u.Messages))
		if !slices.ContainsFunc(parts, func(p chat.Upload) bool {
			return p.From != nil && *p.From <= at && at < *p.From+len(p.Messages) && len(p.Messages) > 2
		}) {
			continue // the place of one or two messages is unclear if one of them was edited
		}
		divided.Turns[at].Text = "edited text that is like no other"
		added := 0
		for _, part := range parts {
			added += divided.add(part).Added
		}
		require.LessOrEqual(t, added, 1, "round %d: an edit at %d makes at most one message new", round, at)
		again("after an edit")
		if t.Failed() {
			return
		}
	}
}

// The messages before a part are out of its reach, however alike they are.
func TestAPartContinuesExactlyAtItsPosition(t *testing.T) {
	turns := func(n int, text string, from ...int) chat.Upload {
		u := chat.Upload{ExternalID: "x", Title: "T"}
		for range n {
			u.Messages = append(u.Messages, chat.UploadMessage{Role: "human", Text: text})
		}
		for _, f := range from {
			u.From = new(f)
		}
		return u
	}
	s := &keeper{t: t}
	s.add(turns(5, "again", 0))
	require.Equal(t, 5, s.add(turns(5, "again", 5)).Added, "the same texts as before it are new here")
	require.Zero(t, s.add(turns(5, "again", 5)).Added)
	require.Equal(t, 2, s.add(turns(4, "again", 8)).Added, "two of the four are there")
	require.Zero(t, s.add(turns(5, "again")).Added, "an upload without a position goes by its texts")

	ids := turns(2, "again", 12)
	ids.Messages[0].ExternalID = "m"
	s.add(ids)
	ids.Messages[0].Text, ids.From = "moved", new(13)
	m := s.add(ids)
	require.Equal(t, []any{12, "again"}, []any{slices.IndexFunc(s.Turns, func(m chat.Message) bool { return m.ExternalID == "m" }), s.Turns[12].Text})
	require.Equal(t, 13, m.From)
	for from, want := range map[int]string{-1: "from must be at least 0"} {
		_, err := turns(1, "x", from).Validate(noon)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		require.ErrorContains(t, err, want)
	}
}

func TestSplit(t *testing.T) {
	u := anyChat(rand.New(rand.NewPCG(1, 1)), 10)
	same := u.Split(chat.DefaultPartLimits())
	require.Equal(t, []chat.Upload{u}, same)
	require.Nil(t, same[0].From)

	u = chat.Upload{ExternalID: "x", CreatedAt: noon, Messages: make([]chat.UploadMessage, 6)}
	for i := range u.Messages {
		u.Messages[i] = chat.UploadMessage{Role: "human", Text: strings.Repeat("x", i), ExternalID: "same"}
	}
	u.Messages[1].CreatedAt = noon.Add(time.Hour)
	before := slices.Clone(u.Messages)
	parts := u.Split(chat.PartLimits{Messages: 3, Bytes: 4})
	require.Equal(t, before, u.Messages, "the upload does not change")
	var froms, sizes []int
	for _, p := range parts {
		froms, sizes = append(froms, *p.From), append(sizes, len(p.Messages))
	}
	require.Equal(t, []int{0, 3, 4, 5}, froms)
	require.Equal(t, []int{3, 1, 1, 1}, sizes, "a message that is longer than the limit is alone")
	require.Equal(t, "same", parts[0].Messages[0].ExternalID)
	require.Empty(t, parts[1].Messages[0].ExternalID)
	require.Equal(t, noon.Add(time.Hour), parts[3].Messages[0].CreatedAt)
	require.True(t, parts[3].Messages[0].Inferred)

	u.From = new(100)
	require.Equal(t, 105, *u.Split(chat.PartLimits{Messages: 3, Bytes: 4})[3].From, "a part can be divided again")
}

// Every text that is stored fits into a line of a file.
func TestTextsThatNoLineCouldHaveAreRefused(t *testing.T) {
	for text, fits := range map[string]bool{
		strings.Repeat("x", chat.MaxTextBytes):               true,
		strings.Repeat("x", chat.MaxTextBytes+1):             false,
		strings.Repeat("\n", chat.MaxTextBytes/2+1):          false,
		strings.Repeat("\x01", chat.MaxTextBytes/6):          true,
		strings.Repeat("\x01", chat.MaxTextBytes/6+1):        false,
		strings.Repeat("\xff ", chat.MaxTextBytes/4+100_000): false, // three bytes each, once it can be stored
	} {
		_, err := chat.Upload{ExternalID: "x", Messages: []chat.UploadMessage{{Role: "human", Text: text}}}.Validate(noon)
		require.Equal(t, fits, err == nil, "%q... of %d bytes", text[:2], len(text))
	}
}
