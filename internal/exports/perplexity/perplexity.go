// Package perplexity reads threads of Perplexity: the official export and the files of both generations of the
// "Perplexity Thread Exporter" extension. A thread has the same id in all of them, if the file contains it.
package perplexity

import (
	"cmp"
	"context"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

const platform = "perplexity"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "perplexity", Title: "Perplexity export", Platform: platform,
		LookFor: "an object with `conversations` whose elements have `context_uuid` and `entries`, or a thread with `metadata` or `thread_metadata`",
		Matches: func(s *format.Sample) bool {
			return s.Kind == format.JSON && (s.Has("conversations.[].context_uuid") || isThread(s))
		},
		Read: read,
	}
}

// isThread reports whether a file is one thread, as the extension saves it.
func isThread(s *format.Sample) bool {
	return s.Has("metadata") && s.Has("conversations.[].query") || s.Has("entries.[].query_str") || s.Has("thread_metadata") && s.Has("entries")
}

const peekBytes = format.SampleBytes

func read(ctx context.Context, m format.Member, out *format.Out) error {
	sample, m, err := m.Peek(peekBytes)
	if err != nil {
		return err
	}
	if isThread(sample) {
		return elements.Each(ctx, m, out, nil, func(t *thread, place format.Place) error { return t.conversation(place).Hand(out) })
	}
	return elements.Each(ctx, m, out, []string{"conversations"}, func(e *element, place format.Place) error {
		if e.ID == "" {
			return elements.Unusable("it has no `context_uuid`")
		}
		return e.conversation(place).Hand(out)
	})
}

// element is a thread of the official export. The name of its collection is not in the file.
type element struct {
	ID      loose.Text       `json:"context_uuid"`
	Title   loose.Text       `json:"context_title"`
	Created loose.Time       `json:"created_at"`
	Updated loose.Time       `json:"updated_at"`
	Entries loose.List[pair] `json:"entries"`
}

type pair struct {
	ID      loose.Text `json:"entry_uuid"`
	Query   loose.Text `json:"query"`
	Answer  answer     `json:"answer"`
	Created loose.Time `json:"created_at"`
}

func (e *element) conversation(place format.Place) *draft.Chat {
	c := draft.New(platform, "Perplexity", string(e.ID), place)
	c.Title, c.CreatedAt, c.UpdatedAt = string(e.Title), e.Created.Time, e.Updated.Time
	for _, p := range e.Entries {
		c.Say(exchange(p.ID, p.Query, string(p.Answer), p.Created)...)
	}
	return c
}

// thread is a file of the extension. The first generation has metadata and conversations,
// the second thread_metadata and entries.
type thread struct {
	Metadata loose.List[struct {
		ID      loose.Text `json:"thread_id"`
		Context loose.Text `json:"context_uuid"`
		Title   loose.Text `json:"thread_title"`
		Slug    loose.Text `json:"thread_url"`
		Created loose.Time `json:"thread_created_at"`
	}] `json:"metadata"`
	Conversations loose.List[struct {
		ID      loose.Text `json:"uuid"`
		Context loose.Text `json:"context_uuid"`
		Query   loose.Text `json:"query"`
		Answer  answer     `json:"answer"`
		At      loose.Time `json:"timestamp"`
	}] `json:"conversations"`
	ThreadMetadata loose.List[struct {
		Title   loose.Text `json:"title"`
		Created loose.Time `json:"created_at"`
		Updated loose.Time `json:"updated_at"`
	}] `json:"thread_metadata"`
	Entries loose.List[entry] `json:"entries"`
}

type entry struct {
	ID      loose.Text        `json:"uuid"`
	Context loose.Text        `json:"context_uuid"`
	Slug    loose.Text        `json:"thread_url_slug"`
	Title   loose.Text        `json:"thread_title"`
	Query   loose.Text        `json:"query_str"`
	Created loose.Time        `json:"entry_created_datetime"`
	Updated loose.Time        `json:"entry_updated_datetime"`
	Blocks  loose.List[block] `json:"blocks"`
}

type block struct {
	Markdown loose.List[struct {
		Answer loose.Text             `json:"answer"`
		Chunks loose.List[loose.Text] `json:"chunks"`
	}] `json:"markdown_block"`
}

func (t *thread) conversation(place format.Place) *draft.Chat {
	c := draft.New(platform, "Perplexity", "", place)
	var slug, threadID string
	for _, m := range t.Metadata {
		c.Title, c.CreatedAt = string(m.Title), m.Created.Time
		c.ExternalID, slug, threadID = string(m.Context), string(m.Slug), string(m.ID)
	}
	for _, m := range t.ThreadMetadata {
		c.Title, c.CreatedAt, c.UpdatedAt = string(m.Title), m.Created.Time, m.Updated.Time
	}
	for _, p := range t.Conversations {
		c.ExternalID = cmp.Or(c.ExternalID, string(p.Context))
		c.Say(exchange(p.ID, p.Query, string(p.Answer), p.At)...)
	}
	for _, e := range t.Entries {
		c.ExternalID = cmp.Or(c.ExternalID, string(e.Context))
		c.Title, slug = cmp.Or(c.Title, string(e.Title)), cmp.Or(slug, string(e.Slug))
		c.Say(exchange(e.ID, e.Query, e.answer(), e.Created)...)
	}
	c.ExternalID = cmp.Or(c.ExternalID, threadID, slug, firstID(c.Messages))
	if slug != "" {
		c.Source.Link = "https://www.perplexity.ai/search/" + slug[strings.LastIndex(slug, "/")+1:]
	}
	return c
}

func firstID(messages []chat.UploadMessage) string {
	if len(messages) == 0 {
		return ""
	}
	return messages[0].ExternalID
}

// answer returns the text of an entry: whole in some blocks, in pieces in others. Some
// entries have the same text both ways.
func (e *entry) answer() string {
	var texts []string
	for _, b := range e.Blocks {
		for _, m := range b.Markdown {
			text := string(m.Answer)
			if text == "" {
				var pieces strings.Builder
				for _, chunk := range m.Chunks {
					pieces.WriteString(string(chunk))
				}
				text = pieces.String()
			}
			if text != "" && (len(texts) == 0 || texts[len(texts)-1] != text) {
				texts = append(texts, text)
			}
		}
	}
	return strings.Join(texts, "\n\n")
}

// answer is a text, or an object with the text, which some files have inside a string.
type answer string

// UnmarshalJSONFrom decodes any value.
func (a *answer) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type object struct {
		Answer loose.Text `json:"answer"`
	}
	*a = ""
	if d.PeekKind() == '{' {
		var o object
		err := json.UnmarshalDecode(d, &o)
		*a = answer(o.Answer)
		return err
	}
	var text loose.Text
	if err := text.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	*a = answer(text)
	var o object
	if strings.HasPrefix(string(text), "{") && elements.Decode(jsontext.Value(text), &o) == nil && o.Answer != "" {
		*a = answer(o.Answer)
	}
	return nil
}

// exchange returns a question and its answer.
func exchange(id, query loose.Text, text string, at loose.Time) []chat.UploadMessage {
	said := []chat.UploadMessage{draft.Human(draft.Part(string(id), "query"), string(query), at.Time)}
	if text = withoutMarks(text); text != "" {
		said = append(said, draft.Assistant(draft.Part(string(id), "answer"), text, at.Time))
	}
	return said
}
