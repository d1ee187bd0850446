package chatgpt

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

// conversation is a conversation as the export has it.
type conversation struct {
	ConversationID loose.Text  `json:"conversation_id"`
	ID             loose.Text  `json:"id"`
	Title          loose.Text  `json:"title"`
	CreateTime     loose.Time  `json:"create_time"`
	UpdateTime     loose.Time  `json:"update_time"`
	CurrentNode    loose.Text  `json:"current_node"`
	Archived       *loose.Flag `json:"is_archived"`
	Starred        *loose.Flag `json:"is_starred"`
	TemplateID     loose.Text  `json:"conversation_template_id"`
	GizmoID        loose.Text  `json:"gizmo_id"`
	Mapping        mapping     `json:"mapping"`
}

// mapping has the nodes of a conversation in the order of the file. Each is turned into what
// it says as soon as it is read, because its JSON has far more than that.
type mapping struct {
	nodes []node
	found format.Out // for its warnings
}

// UnmarshalJSONFrom decodes an object of nodes. Anything else has none.
func (m *mapping) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = mapping{}
	in := new(jsonNode)
	_, err := loose.Object(d, func(name []byte) error {
		key := string(name)
		*in = jsonNode{}
		is, err := in.decode(d)
		if is && err == nil {
			m.nodes = append(m.nodes, in.said(key, &m.found))
		}
		return err
	})
	return err
}

// jsonNode is a node as the export has it. Most of a file are nodes, so they and their
// messages are decoded without reflection.
type jsonNode struct {
	Parent  loose.Text
	Message message
	Says    bool // it has a message
}

func (n *jsonNode) decode(d *jsontext.Decoder) (is bool, err error) {
	return loose.Object(d, func(name []byte) (err error) {
		switch string(name) {
		case "parent":
			return n.Parent.UnmarshalJSONFrom(d)
		case "message":
			n.Says, err = n.Message.decode(d)
			return err
		}
		return d.SkipValue()
	})
}

type message struct {
	ID         loose.Text
	Role       loose.Text // of the author
	CreateTime loose.Time
	Content    content
	Weight     loose.Text
	Recipient  loose.Text
	Channel    loose.Text
	Metadata   metadata
}

func (m *message) decode(d *jsontext.Decoder) (is bool, err error) {
	return loose.Object(d, func(name []byte) error {
		switch string(name) {
		case "id":
			return m.ID.UnmarshalJSONFrom(d)
		case "author":
			return m.decodeAuthor(d)
		case "create_time":
			return m.CreateTime.UnmarshalJSONFrom(d)
		case "content":
			return m.Content.UnmarshalJSONFrom(d)
		case "weight":
			return m.Weight.UnmarshalJSONFrom(d)
		case "recipient":
			return m.Recipient.UnmarshalJSONFrom(d)
		case "channel":
			return m.Channel.UnmarshalJSONFrom(d)
		case "metadata":
			return m.Metadata.decode(d)
		}
		return d.SkipValue()
	})
}

func (m *message) decodeAuthor(d *jsontext.Decoder) error {
	_, err := loose.Object(d, func(name []byte) error {
		if string(name) == "role" {
			return m.Role.UnmarshalJSONFrom(d)
		}
		return d.SkipValue()
	})
	return err
}

type metadata struct {
	Hidden      loose.Flag
	Attachments loose.List[attachment]

	// Where reports of deep research are, as JSON or as a string with JSON.
	Research []jsontext.Value
}

func (m *metadata) decode(d *jsontext.Decoder) error {
	_, err := loose.Object(d, func(name []byte) error {
		switch string(name) {
		case "is_visually_hidden_from_conversation":
			return m.Hidden.UnmarshalJSONFrom(d)
		case "attachments":
			return m.Attachments.UnmarshalJSONFrom(d)
		case "chatgpt_sdk", "tool_response_metadata", "venus_widget_state":
			value, err := d.ReadValue()
			m.Research = append(m.Research, value.Clone())
			return err
		}
		return d.SkipValue()
	})
	return err
}

type attachment struct {
	ID   loose.Text `json:"id"`
	Name loose.Text `json:"name"`
}

// content is the content of a message. Its type says which of the fields have the text.
type content struct {
	Type     loose.Text
	Parts    parts
	Text     loose.Text
	Content  loose.Text
	Result   loose.Text
	Summary  loose.Text
	Output   loose.Text
	Title    loose.Text
	URL      loose.Text
	Snippet  loose.Text
	Profile  loose.Text
	Wishes   loose.Text
	Memory   loose.Text
	Thoughts loose.List[thought]
	State    loose.Maybe[visited]
}

// UnmarshalJSONFrom decodes an object. Anything else has no content.
func (c *content) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	_, err := loose.Object(d, func(name []byte) error {
		switch string(name) {
		case "content_type":
			return c.Type.UnmarshalJSONFrom(d)
		case "parts":
			return c.Parts.UnmarshalJSONFrom(d)
		case "thoughts":
			return c.Thoughts.UnmarshalJSONFrom(d)
		case "state":
			return c.State.UnmarshalJSONFrom(d)
		}
		if text := c.text(name); text != nil {
			return text.UnmarshalJSONFrom(d)
		}
		return d.SkipValue()
	})
	return err
}

// text returns the field for a text with this name, or nil.
func (c *content) text(name []byte) *loose.Text {
	switch string(name) {
	case "text":
		return &c.Text
	case "content":
		return &c.Content
	case "result":
		return &c.Result
	case "summary":
		return &c.Summary
	case "output_str":
		return &c.Output
	case "title":
		return &c.Title
	case "url":
		return &c.URL
	case "snippet":
		return &c.Snippet
	case "user_profile":
		return &c.Profile
	case "user_instructions":
		return &c.Wishes
	case "model_set_context":
		return &c.Memory
	}
	return nil
}

type thought struct {
	Summary loose.Text `json:"summary"`
	Content loose.Text `json:"content"`
}

type visited struct {
	Title loose.Text `json:"title"`
	URL   loose.Text `json:"url"`
}

// parts are the parts of a text with pictures and voice.
type parts []part

// part is a text, or an object for a file or for the words of a recording.
type part struct {
	text  string
	asset asset
}

type asset struct {
	Type    loose.Text         `json:"content_type"`
	Text    loose.Text         `json:"text"` // of a recording
	Pointer loose.Text         `json:"asset_pointer"`
	Audio   loose.Maybe[audio] `json:"audio_asset_pointer"` // of a call with video
}

type audio struct {
	Pointer loose.Text `json:"asset_pointer"`
}

// UnmarshalJSONFrom decodes a list of parts, or one text.
func (p *parts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*p = nil
	if d.PeekKind() != '[' {
		return p.add(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := p.add(d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (p *parts) add(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '"':
		token, err := d.ReadToken()
		if err == nil {
			*p = append(*p, part{text: token.String()})
		}
		return err
	case '{':
		*p = append(*p, part{})
		return json.UnmarshalDecode(d, &(*p)[len(*p)-1].asset)
	}
	return d.SkipValue()
}
