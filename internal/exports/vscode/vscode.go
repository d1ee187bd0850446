// Package vscode reads chats of Visual Studio Code: what "Chat: Export Chat..." writes, and
// the session files that the editor keeps, which have the same shape.
package vscode

import (
	"cmp"
	"context"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

const platform = "vscode"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "vscode", Title: "Visual Studio Code chat", Platform: platform,
		LookFor: "an object with `requests` that have `message` and `response`",
		Matches: func(s *format.Sample) bool {
			return s.Kind == format.JSON && s.Has("requests") &&
				(s.Has("requests.[].message.text") || s.Has("requests.[].message.parts") || s.Has("responderUsername") && s.Has("sessionId"))
		},
		Read: read,
	}
}

type session struct {
	ID       loose.Text          `json:"sessionId"`
	Title    loose.Text          `json:"customTitle"`
	Created  loose.Time          `json:"creationDate"`
	Updated  loose.Time          `json:"lastMessageDate"`
	Requests loose.List[request] `json:"requests"`
}

type request struct {
	ID         loose.Text       `json:"requestId"`
	ResponseID loose.Text       `json:"responseId"`
	Message    prompt           `json:"message"`
	Response   loose.List[part] `json:"response"`
	At         loose.Time       `json:"timestamp"`
	Variables  loose.Maybe[struct {
		Variables loose.List[struct {
			Kind loose.Text `json:"kind"`
			Name loose.Text `json:"name"`
		}] `json:"variables"`
	}] `json:"variableData"`
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	return elements.Each(ctx, m, out, nil, func(s *session, place format.Place) error {
		id := string(s.ID)
		if id == "" && len(s.Requests) > 0 {
			id = string(s.Requests[0].ID) // old exports have no id of the session
		}
		if id == "" {
			return elements.Unusable("it has neither `sessionId` nor a request with `requestId`")
		}
		c := draft.New(platform, "VS Code", id, place)
		c.Title, c.CreatedAt, c.UpdatedAt = string(s.Title), s.Created.Time, s.Updated.Time
		for _, r := range s.Requests {
			c.Say(r.messages(out)...)
		}
		return c.Hand(out)
	})
}

// messages returns the question, the hidden work on it, and the answer, which has no time of
// its own.
func (r *request) messages(out *format.Out) []chat.UploadMessage {
	asked := draft.Human(string(r.ID), string(r.Message), r.At.Time)
	for _, v := range r.Variables.Value.Variables {
		switch v.Kind {
		case "file", "image", "directory":
			asked.Files = append(asked.Files, string(v.Name))
		}
	}
	messages := []chat.UploadMessage{asked}
	var answer strings.Builder
	for _, p := range r.Response {
		switch p.Kind {
		case "", "markdownContent", "markdownVuln":
			answer.WriteString(string(p.Value + p.Content))
		case "inlineReference":
			if name := p.Reference.Value.name(); name != "" {
				answer.WriteString("`" + name + "`")
			}
		case "thinking":
			messages = append(messages, r.work(chat.Assistant, string(p.Value))...)
		case "toolInvocation", "toolInvocationSerialized":
			messages = append(messages, r.work(chat.Tool, string(p.Tool)+"\n"+string(cmp.Or(p.Done, p.Doing)))...)
		default:
			if !besideTheText[string(p.Kind)] {
				out.Warn(format.UnknownBlock, 1)
			}
		}
	}
	if answer.Len() > 0 {
		id := cmp.Or(string(r.ResponseID), draft.Part(string(r.ID), "response"))
		messages = append(messages, draft.Assistant(id, answer.String(), r.At.Time))
	}
	return messages
}

// work returns a hidden message, or none for an empty text.
func (r *request) work(sender chat.Sender, text string) []chat.UploadMessage {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return []chat.UploadMessage{draft.Hidden(sender, "", text, r.At.Time)}
}

// besideTheText are kinds of parts without text of the answer: progress, edits, buttons.
var besideTheText = map[string]bool{
	"progressTask": true, "progressTaskSerialized": true, "progressMessage": true, "textEditGroup": true, "notebookEditGroup": true,
	"codeblockUri": true, "undoStop": true, "confirmation": true, "command": true, "treeData": true, "warning": true, "mcpServersStarting": true,
	"prepareToolInvocation": true, "references": true, "codeCitation": true, "elicitation": true, "multiDiffData": true, "extensions": true, "pullRequest": true,
}
