package evaluate

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

const sample = `[{"sample_id": "one", "conversation": {
	"speaker_a": "Ann", "speaker_b": "Bob",
	"session_2_date_time": "12:05 am on 1 February, 2024", "session_2": [{"dia_id": "D2:1", "speaker": "Bob", "text": "Good bye"}],
	"session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": [
		{"dia_id": "D1:1", "speaker": "Ann", "text": "Hello"}, {"dia_id": "D1:2", "speaker": "Bob", "text": "Hi"}]},
	"qa": [
		{"question": "one", "category": 1, "evidence": ["D1:1; D2:01", "D9:9"]},
		{"question": "odd", "category": 4, "evidence": ["D:1:2"]},
		{"question": "no evidence", "category": 2, "evidence": []},
		{"question": "no answer", "category": 5, "evidence": ["D1:1"]}]}]`

func TestRead(t *testing.T) {
	got, err := Read(strings.NewReader(sample))
	require.NoError(t, err)
	require.Equal(t, []Dialogue{{
		Name: "one",
		Sessions: []Session{
			{1, time.Date(2023, 5, 8, 13, 56, 0, 0, time.UTC), []Turn{{"D1:1", "Ann", "Hello"}, {"D1:2", "Bob", "Hi"}}},
			{2, time.Date(2024, 2, 1, 0, 5, 0, 0, time.UTC), []Turn{{"D2:1", "Bob", "Good bye"}}},
		},
		Questions: []Question{{"one", 1, []string{"D1:1", "D2:1"}}, {"odd", 4, []string{"D1:2"}}}, Unanswerable: []string{"no answer"},
	}}, got)
	for _, wrong := range []string{"", "{}", `[{"conversation":{"session_1":7}}]`, `[{"conversation":{"session_1":[]}}]`, `[{"conversation":{"session_1":[],"session_1_date_time":"soon"}}]`} {
		_, err := Read(strings.NewReader(wrong))
		require.True(t, fault.Is(err, fault.Invalid), wrong)
	}
}

func TestScoreOf(t *testing.T) {
	answers := []Answered{{Rank: 1, Took: 1}, {Rank: 6, Took: 2}, {Rank: 20, Took: 4}, {Rank: 0, Took: 3}, {Rank: 1, Category: 2}}
	s := ScoreOf(answers, func(a Answered) bool { return a.Category == 0 })
	require.Equal(t, Score{Questions: 4, Hit5: .25, Hit10: .5, Hit20: .75, MRR: s.MRR, P95: 4}, s)
	require.InDelta(t, (1+1.0/6+1.0/20)/4, s.MRR, 1e-9)
	require.Zero(t, ScoreOf(nil, nil))
}

func TestMisspelt(t *testing.T) {
	d := Dialogue{
		Sessions:  []Session{{Turns: []Turn{{Text: "The ferry goes at nine. Is the ferry late? Ask the harbour."}}}},
		Questions: []Question{{Text: "Is the ferry at the harbour?"}, {Text: "Was it?"}},
	}
	for seed := range uint64(40) {
		got := d.Misspelt(seed)
		require.Equal(t, got, d.Misspelt(seed), "the same seed makes the same slips")
		require.True(t, strings.HasPrefix(got.Questions[0].Text, "Is the ferry at the h"), got.Questions[0].Text)
		require.Equal(t, "Was it?", got.Questions[1].Text, "no word of it is in the dialogue")
		require.Equal(t, "Is the ferry at the harbour?", d.Questions[0].Text)
	}
}

func TestUnrelated(t *testing.T) { require.Len(t, Unrelated(), 200) }
