// Package grok reads the account export of grok.com (prod-grok-backend.json).
package grok

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/tree"
)

const platform = "grok"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "grok", Title: "Grok export", Platform: platform,
		LookFor: "an object with `conversations` whose elements have `conversation` and `responses`",
		Matches: func(s *format.Sample) bool {
			return s.Kind == format.JSON && (s.Has("conversations.[].responses.[].response") || s.Has("conversations.[].responses.[].sender") ||
				s.Has("conversations.[].conversation") && s.Has("conversations.[].responses") ||
				s.Has("[].conversation") && s.Has("[].responses"))
		},
		Read: read,
	}
}

type element struct {
	Conversation loose.List[about]   `json:"conversation"`
	Responses    loose.List[wrapped] `json:"responses"`
	Messages     loose.List[wrapped] `json:"messages"`
	ID           loose.Text          `json:"conversation_id"`
	Title        loose.Text          `json:"title"`
	Created      loose.Time          `json:"create_time"`
	Modified     loose.Time          `json:"modify_time"`
}

type about struct {
	ID       loose.Text  `json:"id"`
	FlatID   loose.Text  `json:"conversation_id"`
	Title    loose.Text  `json:"title"`
	Created  loose.Time  `json:"create_time"`
	Modified loose.Time  `json:"modify_time"`
	Starred  *loose.Flag `json:"starred"`
	Leaf     loose.Text  `json:"leaf_response_id"`
}

// wrapped is a response, which most exports hold in a field of its own.
type wrapped struct {
	Response loose.List[response] `json:"response"`
	response
}

type response struct {
	ID       loose.Text             `json:"_id"`
	FlatID   loose.Text             `json:"response_id"`
	Chat     loose.Text             `json:"conversation_id"`
	Sender   loose.Text             `json:"sender"`
	Message  loose.Text             `json:"message"`
	Created  loose.Time             `json:"create_time"`
	Parent   loose.Text             `json:"parent_response_id"`
	Thinking loose.Text             `json:"thinking_trace"`
	Images   loose.List[loose.Text] `json:"generated_image_urls"`
	Files    loose.List[attachment] `json:"file_attachments"`
}

type attachment struct {
	Name     loose.Text `json:"file_name"`
	Camel    loose.Text `json:"fileName"`
	Plain    loose.Text `json:"name"`
	bareName string
}

// UnmarshalJSONFrom decodes an attachment, which some exports give by its id alone.
func (a *attachment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		var name loose.Text
		err := name.UnmarshalJSONFrom(d)
		*a = attachment{bareName: string(name)}
		return err
	}
	type object attachment
	return json.UnmarshalDecode(d, (*object)(a))
}

func (a attachment) name() string {
	return cmp.Or(string(a.Name), string(a.Camel), string(a.Plain), a.bareName)
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	return elements.Each(ctx, m, out, []string{"conversations"}, func(e *element, place format.Place) error {
		responses := e.responses()
		if len(e.Conversation) == 0 && e.ID == "" && e.Title == "" && len(responses) == 0 {
			return elements.Unusable("it has neither a conversation nor responses")
		}
		return e.conversation(responses, place, out).Hand(out)
	})
}

// responses returns the responses in both forms that files have.
func (e *element) responses() (all []response) {
	for _, w := range append(e.Responses, e.Messages...) {
		if len(w.Response) > 0 {
			all = append(all, w.Response[0])
		} else {
			all = append(all, w.response)
		}
	}
	return all
}

func (e *element) conversation(responses []response, place format.Place, out *format.Out) *draft.Chat {
	a := about{ID: e.ID, Title: e.Title, Created: e.Created, Modified: e.Modified}
	if len(e.Conversation) > 0 {
		a = e.Conversation[0]
	}
	c := draft.New(platform, "Grok", idOf(a, responses), place)
	c.Title, c.CreatedAt, c.UpdatedAt = string(a.Title), a.Created.Time, a.Modified.Time
	if a.Starred != nil {
		starred := bool(*a.Starred)
		c.Source.Starred = &starred
	}
	linked := false
	for _, r := range responses {
		linked = linked || r.Parent != ""
	}
	before := ""
	for i, r := range responses {
		id := r.id()
		n := tree.Node{ID: id, Parent: string(r.Parent), At: r.Created.Time}
		if n.ID == "" {
			n.ID = "response " + strconv.Itoa(i) // within this reading alone; it is not handed over
		}
		if !linked { // files without parents have the messages in order
			n.Parent = before
		}
		before = n.ID
		c.Node(n, r.messages()...)
	}
	c.Arrange(string(a.Leaf), out)
	return c
}

// idOf returns the id of a conversation. Old exports have none; title, creation and first
// question stay the same there.
func idOf(a about, responses []response) string {
	if id := cmp.Or(string(a.ID), string(a.FlatID)); id != "" {
		return id
	}
	first := ""
	for _, r := range responses {
		if r.Chat != "" {
			return string(r.Chat)
		}
		if first == "" {
			first = string(r.Message)
		}
	}
	created := ""
	if !a.Created.IsZero() {
		created = a.Created.Format(time.RFC3339Nano)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{created, string(a.Title), first}, "\x00")))
	return "grok-" + hex.EncodeToString(sum[:16])
}

func (r *response) id() string { return cmp.Or(string(r.ID), string(r.FlatID)) }

// messages returns the thinking and the text of a response.
func (r *response) messages() (messages []chat.UploadMessage) {
	sender := chat.Assistant // "assistant", "ASSISTANT", or the name of a model
	if s := strings.ToLower(string(r.Sender)); s == "human" || s == "user" {
		sender = chat.Human
	}
	if r.Thinking != "" {
		messages = append(messages, draft.Hidden(sender, draft.Part(r.id(), "thinking"), string(r.Thinking), r.Created.Time))
	}
	m := chat.UploadMessage{ExternalID: r.id(), Role: string(sender), Text: withoutCards(string(r.Message)), CreatedAt: r.Created.Time}
	for _, f := range r.Files {
		m.Files = append(m.Files, f.name())
	}
	for _, image := range r.Images {
		m.Files = append(m.Files, path.Base(string(image)))
	}
	return append(messages, m)
}

// cards are elements that the web page shows as something else: uses of tools and marks of
// citations.
var cards = regexp.MustCompile(`(?s)<xai:tool_usage_card\b.*?</xai:tool_usage_card>|<grok:render\b.*?</grok:render>`)

func withoutCards(s string) string {
	if !strings.Contains(s, "<xai:") && !strings.Contains(s, "<grok:") {
		return s
	}
	return strings.TrimSpace(cards.ReplaceAllString(s, ""))
}
