// Package gemini reads what Google Takeout has of Gemini: the activity log "My Activity" of
// Gemini Apps, as JSON or HTML, in the language of the account. The log has prompts and
// answers, newest first, and mostly no conversations.
package gemini

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

// Platform is the platform of conversations with Gemini.
const Platform = "gemini"

// Format returns the reader of Takeout's activity log.
func Format() format.Format {
	return format.Format{
		Name: "gemini", Title: "Gemini activity (Google Takeout)", Platform: Platform,
		LookFor: "a JSON array whose elements have `header`, `title` and `time`, or HTML with elements of the class `outer-cell`; headed Gemini",
		Matches: matches, Read: read,
	}
}

func matches(s *format.Sample) bool {
	switch s.Kind {
	case format.JSON:
		if !s.Has("[].time") {
			return false
		}
		for _, path := range []string{"[].header", "[].products.[]"} {
			for _, heading := range s.Values(path) {
				if isGemini(heading) {
					return true
				}
			}
		}
	case format.HTML:
		return isActivityPage(s.Head)
	}
	return false
}

// read reads a log twice, so that it can pass a conversation on after its last entry and need not keep it: the first
// pass counts the entries of each. An input that can be opened only once has an unknown size, and is read once.
func read(ctx context.Context, m format.Member, out *format.Out) error {
	l := log{out: out}
	if m.Size >= 0 {
		counting := log{out: &format.Out{}} // the second reading reports
		if err := activities(ctx, m, counting.out, counting.count); err != nil {
			return err
		}
		l.entries = counting.entries
	}
	if err := activities(ctx, m, out, l.add); err != nil {
		return err
	}
	return l.end()
}

// activities calls fn for each entry of a log, and records those that cannot be read as
// problems. It returns the errors of fn and of reading.
func activities(ctx context.Context, m format.Member, out *format.Out, fn func(activity) error) error {
	file, err := m.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReader(file)
	first, err := firstByte(in)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if first == '<' {
		return fromHTML(ctx, m, in, out, fn)
	}
	m.Open = func() (io.ReadCloser, error) { return io.NopCloser(in), nil }
	return fromJSON(ctx, m, out, fn)
}

// firstByte returns the first byte that is no white space, and leaves it in the reader.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return b, in.UnreadByte()
	}
}

// entry is an element of the log as JSON.
type entry struct {
	Header   loose.Text             `json:"header"`
	Products loose.List[loose.Text] `json:"products"`
	Title    loose.Text             `json:"title"`
	TitleURL loose.Text             `json:"titleUrl"`
	Time     loose.Time             `json:"time"`
	Answers  loose.List[struct {
		HTML  loose.Text `json:"html"`
		Value loose.Text `json:"htmlValue"`
	}] `json:"safeHtmlItem"`
	Details loose.List[struct {
		Name  loose.Text `json:"name"`
		URL   loose.Text `json:"url"`
		Value loose.Text `json:"value"`
	}] `json:"details"`
	Interactions loose.List[struct {
		Interaction loose.List[struct {
			Request  loose.Text `json:"request"`
			Response loose.Text `json:"response"`
		}] `json:"userInteraction"`
	}] `json:"userInteractions"`
	Files  loose.List[loose.Text] `json:"attachedFiles"`
	Images loose.List[loose.Text] `json:"imageFile"`
	Audio  loose.List[loose.Text] `json:"audioFiles"`
}

var errTime = elements.Unusable("its time cannot be read")

func fromJSON(ctx context.Context, m format.Member, out *format.Out, fn func(activity) error) error {
	return elements.Each(ctx, m, out, nil, func(e *entry, place format.Place) error {
		a := e.activity(place)
		if isGemini(a.heading) && a.at.IsZero() {
			return errTime
		}
		return fn(a)
	})
}

func (e *entry) activity(place format.Place) activity {
	a := activity{heading: string(e.Header), prompt: string(e.Title), links: []string{string(e.TitleURL)}, at: e.Time.Time, place: place}
	for _, product := range e.Products {
		if !isGemini(a.heading) && isGemini(string(product)) {
			a.heading = string(product)
		}
	}
	for _, answer := range e.Answers {
		a.addAnswer(plainText(string(answer.HTML + answer.Value)))
	}
	for _, d := range e.Details {
		a.links = append(a.links, string(d.URL))
		switch d.Name {
		case "Request":
			a.action, a.prompt = separateVerb, string(d.Value)
		case "Response":
			a.addAnswer(plainText(string(d.Value)))
		}
	}
	for _, i := range e.Interactions {
		for _, said := range i.Interaction {
			if said.Request != "" {
				a.action, a.prompt = separateVerb, string(said.Request)
			}
			a.addAnswer(plainText(string(said.Response)))
		}
	}
	for _, names := range []loose.List[loose.Text]{e.Files, e.Images, e.Audio} {
		for _, name := range names {
			a.files = append(a.files, string(name))
		}
	}
	a.prompt = hygiene.Text(a.prompt)
	return a
}

func (a *activity) addAnswer(text string) {
	if text = hygiene.Text(text); text != "" {
		a.answers = append(a.answers, text)
	}
}
