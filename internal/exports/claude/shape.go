package claude

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/loose"
)

// conversation is a conversation as the export has it, or a chat of Claude Design.
type conversation struct {
	UUID      loose.Text                  `json:"uuid"`
	Name      loose.Text                  `json:"name"`
	Title     loose.Text                  `json:"title"`
	CreatedAt loose.Time                  `json:"created_at"`
	UpdatedAt loose.Time                  `json:"updated_at"`
	Starred   *loose.Flag                 `json:"is_starred"`
	Project   loose.Maybe[project]        `json:"project"`
	Messages  loose.List[message]         `json:"chat_messages"`
	Designed  loose.List[designedMessage] `json:"messages"`
}

type project struct {
	Name loose.Text `json:"name"`
}

type message struct {
	UUID        loose.Text                        `json:"uuid"`
	Parent      loose.Text                        `json:"parent_message_uuid"`
	Sender      loose.Text                        `json:"sender"`
	Text        loose.Text                        `json:"text"`
	Content     loose.Embedded[loose.List[block]] `json:"content"`
	CreatedAt   loose.Time                        `json:"created_at"`
	Attachments loose.List[attachment]            `json:"attachments"`
	Files       loose.List[fileName]              `json:"files"`
}

type attachment struct {
	Name loose.Text `json:"file_name"`
	Text loose.Text `json:"extracted_content"`
}

type fileName struct {
	Name loose.Text `json:"file_name"`
	UUID loose.Text `json:"file_uuid"`
}

// block is a part of the content of a message. Its type says which fields it has.
type block struct {
	Type     loose.Text     `json:"type"`
	Text     loose.Text     `json:"text"`
	Thinking loose.Text     `json:"thinking"`
	Name     loose.Text     `json:"name"`
	Input    jsontext.Value `json:"input"`
	Content  jsontext.Value `json:"content"`
	Title    loose.Text     `json:"title"`
	FileUUID loose.Text     `json:"file_uuid"`
	ToolCall toolCall       `json:"toolCall"`
}

// toolCall is a call of a tool in Claude Design.
type toolCall struct{ loose.Maybe[calledTool] }

type calledTool struct {
	Name  loose.Text     `json:"name"`
	Input jsontext.Value `json:"input"`
}

// designedMessage is a message of Claude Design.
type designedMessage struct {
	UUID      loose.Text                   `json:"uuid"`
	Role      loose.Text                   `json:"role"`
	CreatedAt loose.Time                   `json:"created_at"`
	Content   loose.Maybe[designedContent] `json:"content"`
}

type designedContent struct {
	Role      loose.Text        `json:"role"`
	Text      loose.Text        `json:"content"`
	Blocks    loose.List[block] `json:"contentBlocks"`
	Timestamp loose.Time        `json:"timestamp"`
}

// artifact is the input of the tool that writes documents.
type artifact struct {
	Command loose.Text `json:"command"`
	Title   loose.Text `json:"title"`
	Content loose.Text `json:"content"`
}
