// Package evaluate measures how well search finds the evidence for a question: it uploads
// a dataset through the service's API, asks its questions, and records the rank of the
// evidence. It reads the format of LoCoMo (Maharana and others, "Evaluating Very Long-Term
// Conversational Memory of LLM Agents", 2024). The dataset is not part of the project.
package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Dialogue is a long conversation of two people in many sessions, with questions about
// it.
type Dialogue struct {
	Name         string
	Sessions     []Session
	Questions    []Question
	Unanswerable []string // questions of category 5, about something that was not said
}

// Session is one meeting of the two people.
type Session struct {
	Number int
	At     time.Time
	Turns  []Turn
}

// Turn is one message. IDs look like "D3:7": the seventh turn of the third session.
type Turn struct {
	ID      string
	Speaker string
	Text    string
}

// Question is a question whose answer is in its evidence.
type Question struct {
	Text     string
	Category int // 1 several facts, 2 time, 3 world knowledge, 4 one fact; 5 has no answer
	Evidence []string
}

// dialogue is a Dialogue as in the file: the names of the session fields contain their
// numbers.
type dialogue struct {
	Name         string                     `json:"sample_id"`
	Conversation map[string]json.RawMessage `json:"conversation"`
	Questions    []struct {
		Text     string   `json:"question"`
		Category int      `json:"category"`
		Evidence []string `json:"evidence"`
	} `json:"qa"`
}

// Read reads a dataset. It leaves out questions whose evidence is not in the dialogue. It returns Invalid when r is not such a dataset.
func Read(r io.Reader) ([]Dialogue, error) {
	var raw []dialogue
	if err := json.NewDecoder(r).Decode(&raw); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the file is not a dataset in LoCoMo's format")
	}
	dialogues := make([]Dialogue, len(raw))
	for i, d := range raw {
		sessions, err := d.sessions()
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "dialogue %q cannot be read", d.Name)
		}
		dialogues[i] = Dialogue{Name: d.Name, Sessions: sessions}
		dialogues[i].Questions = d.questions(dialogues[i])
		for _, q := range d.Questions {
			if q.Category > lastCategory {
				dialogues[i].Unanswerable = append(dialogues[i].Unanswerable, q.Text)
			}
		}
	}
	return dialogues, nil
}

var sessionName = regexp.MustCompile(`^session_(\d+)$`)

func (d dialogue) sessions() ([]Session, error) {
	var sessions []Session
	for field, data := range d.Conversation {
		match := sessionName.FindStringSubmatch(field)
		if match == nil {
			continue
		}
		var turns []struct {
			ID      string `json:"dia_id"`
			Speaker string `json:"speaker"`
			Text    string `json:"text"`
		}
		if err := json.Unmarshal(data, &turns); err != nil {
			return nil, err
		}
		number, err := strconv.Atoi(match[1])
		if err != nil {
			return nil, err
		}
		at, err := d.at(field)
		if err != nil {
			return nil, err
		}
		s := Session{Number: number, At: at}
		for _, turn := range turns {
			s.Turns = append(s.Turns, Turn(turn))
		}
		sessions = append(sessions, s)
	}
	sort.Slice(sessions, func(i, j int) bool { return sessions[i].Number < sessions[j].Number })
	return sessions, nil
}

// at returns the time of a session, which is written as "1:56 pm on 8 May, 2023".
func (d dialogue) at(session string) (time.Time, error) {
	var text string
	if err := json.Unmarshal(d.Conversation[session+"_date_time"], &text); err != nil {
		return time.Time{}, fmt.Errorf("the date of %s: %w", session, err)
	}
	return time.Parse("3:04 pm on 2 January, 2006", text)
}

var turnID = regexp.MustCompile(`D:?(\d+):(\d+)`)

// lastCategory is the last category whose questions have answers.
const lastCategory = 4

func (d dialogue) questions(in Dialogue) (all []Question) {
	known := map[string]bool{}
	for _, s := range in.Sessions {
		for _, turn := range s.Turns {
			known[turn.ID] = true
		}
	}
	for _, q := range d.Questions {
		if q.Category < 1 || q.Category > lastCategory {
			continue
		}
		question := Question{Text: q.Text, Category: q.Category}
		for _, match := range turnID.FindAllStringSubmatch(strings.Join(q.Evidence, " "), -1) {
			first, _ := strconv.Atoi(match[1]) // some have leading zeros
			second, _ := strconv.Atoi(match[2])
			if id := fmt.Sprintf("D%d:%d", first, second); known[id] {
				question.Evidence = append(question.Evidence, id)
			}
		}
		if len(question.Evidence) > 0 {
			all = append(all, question)
		}
	}
	return all
}
