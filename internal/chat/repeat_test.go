package chat_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Whatever an upload contains, sending it twice changes nothing the second time: texts that
// repeat, ids in another order than the stored ones, marks, and parts that begin at a
// position.
func TestARepeatedUploadChangesNothing(t *testing.T) {
	const seed = 20260301
	t.Logf("seed %d", seed)
	for round := range uint64(40_000) {
		rng := rand.New(rand.NewPCG(seed, round))
		first := chaos(rng)
		first.TellsMarks = true
		stored := chat.NewTranscript(valid(t, first, noon))
		u := chaos(rng)
		if rng.IntN(3) == 0 {
			from := rng.IntN(len(stored.Turns) + 1)
			u.From = &from
		}
		checked := valid(t, u, noon)

		before := stored.Turns
		m := chat.Merge(stored, checked)
		stored.Turns = append(slices.Clone(before[:m.From]), m.Messages...)
		again := chat.Merge(stored, checked)
		require.True(t, !again.Changed() && len(again.Edited) == 0, "round %d: stored %q, sent %q from %d, then stored %q, in the end %q",
			round, short(before), short(chat.NewTranscript(checked).Turns), m.From, short(stored.Turns), short(again.Messages))
	}
}

// chaos returns an upload of few texts, in which any message may have an id or a mark.
func chaos(rng *rand.Rand) chat.Upload {
	texts := []string{"", "a", "a ", "b", "c", "d", "\u00e9", "e\u0301", "a text that is long enough to be compared", "a text that is long enough to be compared, too"}
	u := chat.Upload{ExternalID: "x", Title: "T", TellsMarks: rng.IntN(2) == 0}
	named := rng.IntN(4) // quarters of the messages that have an id
	ids := rng.Perm(12)
	for i := range 1 + rng.IntN(8) {
		m := chat.UploadMessage{Role: []string{"human", "assistant", "human", "assistant", "system"}[rng.IntN(5)], Text: texts[rng.IntN(len(texts))]}
		if rng.IntN(4) < named {
			m.ExternalID = strconv.Itoa(ids[i])
		}
		if rng.IntN(6) == 0 {
			m.Branch = "abandoned"
		}
		m.Hidden = rng.IntN(6) == 0
		u.Messages = append(u.Messages, m)
	}
	return u
}
