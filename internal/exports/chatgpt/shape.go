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

// jsonNode is a node as the export has it.
type jsonNode struct {
	Parent  loose.Text           `json:"parent"`
	Message loose.Maybe[message] `json:"message"`
}

// UnmarshalJSONFrom decodes an object of nodes. Anything else has none.
func (m *mapping) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = mapping{}
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	in := new(jsonNode)
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := token.String()
		if d.PeekKind() != '{' {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		*in = jsonNode{}
		if err := json.UnmarshalDecode(d, in); err != nil {
			return err
		}
		m.nodes = append(m.nodes, in.node(key, &m.found))
	}
	_, err := d.ReadToken()
	return err
}

type message struct {
	ID         loose.Text            `json:"id"`
	Author     loose.Maybe[author]   `json:"author"`
	CreateTime loose.Time            `json:"create_time"`
	Content    loose.Maybe[content]  `json:"content"`
	Weight     loose.Text            `json:"weight"`
	Recipient  loose.Text            `json:"recipient"`
	Channel    loose.Text            `json:"channel"`
	Metadata   loose.Maybe[metadata] `json:"metadata"`
}

type author struct {
	Role loose.Text `json:"role"`
}

type metadata struct {
	Hidden      loose.Flag             `json:"is_visually_hidden_from_conversation"`
	Attachments loose.List[attachment] `json:"attachments"`

	// Where reports of deep research are, as JSON or as a string with JSON.
	SDK          jsontext.Value `json:"chatgpt_sdk"`
	ToolResponse jsontext.Value `json:"tool_response_metadata"`
	Widget       jsontext.Value `json:"venus_widget_state"`
}

type attachment struct {
	ID   loose.Text `json:"id"`
	Name loose.Text `json:"name"`
}

// content is the content of a message. Its type says which of the fields have the text.
type content struct {
	Type             loose.Text           `json:"content_type"`
	Parts            parts                `json:"parts"`
	Text             loose.Text           `json:"text"`
	Content          loose.Text           `json:"content"`
	Result           loose.Text           `json:"result"`
	Summary          loose.Text           `json:"summary"`
	Output           loose.Text           `json:"output_str"`
	Title            loose.Text           `json:"title"`
	URL              loose.Text           `json:"url"`
	Snippet          loose.Text           `json:"snippet"`
	Thoughts         loose.List[thought]  `json:"thoughts"`
	State            loose.Maybe[visited] `json:"state"`
	UserProfile      loose.Text           `json:"user_profile"`
	UserInstructions loose.Text           `json:"user_instructions"`
	ModelSetContext  loose.Text           `json:"model_set_context"`
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

// part is a text, or an object that stands for a file or has the words of a recording.
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
