package evaluate

import (
	"context"
	_ "embed" // the unrelated questions
	"strings"

	"github.com/lethe-chat/lethe/pkg/api"
)

//go:embed testdata/unrelated.txt
var unrelated string

// Unrelated returns 200 questions that have nothing to do with the dialogues. The floor of a recall was fitted on those
// with an even index; the others are for reporting.
func Unrelated() []string { return strings.Split(strings.TrimSpace(unrelated), "\n") }

// Kind says what the history knows about a question.
type Kind string

// A question has an answer, or is about somebody and something in the dialogue but has none (category 5), or is about
// something else.
const (
	Answerable Kind = "answerable"
	Without    Kind = "without answer"
	Elsewhere  Kind = "unrelated"
)

// Recalled is the digest for one question.
type Recalled struct {
	Dialogue int
	Kind     Kind
	Index    int // among the questions of its kind
	Tokens   int // the budget
	Empty    bool
	Evidence bool // a turn of the evidence is whole in the digest
}

// Recall asks for a digest of each budget for every question that has an answer, and for one of the default budget for
// the others.
func (u Uploaded) Recall(ctx context.Context, budgets []int) (all []Recalled, err error) {
	ask := func(kind Kind, i int, question string, tokens *int, evidence []string) error {
		digest, err := u.client.Recall(ctx, api.RecallRequest{Query: &question, MaxTokens: tokens})
		if err != nil {
			return err
		}
		r := Recalled{Dialogue: u.number, Kind: kind, Index: i, Empty: digest.Content == ""}
		if tokens != nil {
			r.Tokens = *tokens
		}
		content := oneLine(digest.Content)
		for _, id := range evidence {
			r.Evidence = r.Evidence || strings.Contains(content, u.dialogue.said(id))
		}
		all = append(all, r)
		return nil
	}
	for i, q := range u.dialogue.Questions {
		for _, tokens := range budgets {
			if err := ask(Answerable, i, q.Text, &tokens, q.Evidence); err != nil {
				return nil, err
			}
		}
	}
	for i, question := range u.dialogue.Unanswerable {
		if err := ask(Without, i, question, nil, nil); err != nil {
			return nil, err
		}
	}
	for i, question := range Unrelated() {
		if err := ask(Elsewhere, i, question, nil, nil); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// said returns the text of a turn on one line.
func (d Dialogue) said(id string) string {
	for _, s := range d.Sessions {
		for _, turn := range s.Turns {
			if turn.ID == id {
				return oneLine(turn.Text)
			}
		}
	}
	return ""
}

// ShareOf returns the share of the digests that pass for which is is true, and how many pass.
func ShareOf(all []Recalled, passes, is func(Recalled) bool) (share float64, of int) {
	n := 0
	for _, r := range all {
		if passes(r) {
			of++
			if is(r) {
				n++
			}
		}
	}
	return float64(n) / float64(max(of, 1)), of
}
