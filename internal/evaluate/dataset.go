// Package evaluate measures how well search finds what a question needs: it
// uploads a dataset through the service's API, asks its questions, and counts how
// high the evidence stands. It reads files in the format of LoCoMo (Maharana and
// others, "Evaluating Very Long-Term Conversational Memory of LLM Agents", 2024);
// the dataset itself is not part of the project.
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

// Dialogue is a long conversation of two people in many sessions, with questions
// about it.
type Dialogue struct {
	Name      string
	Sessions  []Session
	Questions []Question
}

// Session is what they said on one occasion.
type Session struct {
	Number int
	At     time.Time
	Turns  []Turn
}

// Turn is what one of them said. IDs look like "D3:7", the seventh of the third
// session.
type Turn struct {
	ID      string
	Speaker string
	Text    string
}

// Question is answered by what was said in its evidence.
type Question struct {
	Text     string
	Category int // 1 several facts, 2 time, 3 the world, 4 one fact; 5 cannot be answered
	Evidence []string
}

// dialogue is a Dialogue as the file has it: sessions are fields with numbers in
// their names.
type dialogue struct {
	Name         string                     `json:"sample_id"`
	Conversation map[string]json.RawMessage `json:"conversation"`
	Questions    []struct {
		Text     string   `json:"question"`
		Category int      `json:"category"`
		Evidence []string `json:"evidence"`
	} `json:"qa"`
}

// Read reads a dataset. Questions that cannot be answered, and those whose
// evidence is not in the dialogue, are left out. Invalid when it is none.
func Read(r io.Reader) ([]Dialogue, error) {
	var raw []dialogue
	if err := json.NewDecoder(r).Decode(&raw); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the file is no dataset in the format of LoCoMo")
	}
	dialogues := make([]Dialogue, len(raw))
	for i, d := range raw {
		sessions, err := d.sessions()
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "dialogue %q cannot be read", d.Name)
		}
		dialogues[i] = Dialogue{Name: d.Name, Sessions: sessions}
		dialogues[i].Questions = d.questions(dialogues[i])
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

// at reads when a session was, written as "1:56 pm on 8 May, 2023".
func (d dialogue) at(session string) (time.Time, error) {
	var text string
	if err := json.Unmarshal(d.Conversation[session+"_date_time"], &text); err != nil {
		return time.Time{}, fmt.Errorf("the date of %s: %w", session, err)
	}
	return time.Parse("3:04 pm on 2 January, 2006", text)
}

var turnID = regexp.MustCompile(`D:?(\d+):(\d+)`)

// lastCategory is the last that has an answer.
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
