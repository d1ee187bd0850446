package mcp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/recall"
)

const listHelp = "List the user's conversations, last updated first, by platform, title, date or import. It has ids and titles; " +
	"what was said in them is found with search_chat_history."

type listInput struct {
	Page     int `json:"page,omitempty" jsonschema:"the page, from 1"`
	PageSize int `json:"pageSize,omitempty" jsonschema:"conversations of a page; 25 if not given"`
	selection
}

func listLimits() map[string]limit {
	return map[string]limit{"page": between(1, 1_000_000), "pageSize": between(1, chat.MaxPageSize)}
}

type listOutput struct {
	Notice string             `json:"notice"`
	Items  []conversationItem `json:"items"`
	Page   int                `json:"page"`
	Pages  int                `json:"totalPages"`
	Total  int                `json:"total"`
}

type conversationItem struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	Platform  string `json:"platform"`
	Messages  int    `json:"messageCount"`
	Tokens    int    `json:"tokenCount"`
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
	Pinned    bool   `json:"pinned"`
}

func (s *session) list(ctx context.Context, in listInput) (string, listOutput, error) {
	filter, err := in.filter()
	if err != nil {
		return "", listOutput{}, err
	}
	page, err := s.access.Conversations(ctx, chat.ListQuery{Filter: filter, Page: in.Page, PageSize: in.PageSize})
	if err != nil {
		return "", listOutput{}, err
	}
	out := listOutput{Notice: notice, Items: []conversationItem{}, Page: page.Page, Pages: page.TotalPages(), Total: page.Total}
	rows := []string{}
	for _, c := range page.Items {
		out.Items = append(out.Items, item(c))
		pinned := ""
		if c.Pinned {
			pinned = ", pinned"
		}
		rows = append(rows, fmt.Sprintf("%s · %s · %s (%s, %s%s)", c.ID, day(c.UpdatedAt), quoted(c.Title), c.Platform, plural(c.Messages, "message"), pinned))
	}
	said := fmt.Sprintf("%s. Page %d of %d.", plural(page.Total, "conversation"), page.Page, out.Pages)
	if len(rows) == 0 {
		return said, out, nil
	}
	return lines(said, framed(rows...)), out, nil
}

func item(c chat.Conversation) conversationItem {
	return conversationItem{
		ID: string(c.ID), Title: c.Title, Platform: c.Platform, Messages: c.Messages, Tokens: c.Tokens,
		CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt), Pinned: c.Pinned,
	}
}

const overviewHelp = "What the user's chat history contains: how many conversations and messages, of which platforms, in which " +
	"months, and how many of them still wait to be searchable."

type overviewInput struct{}

type overviewOutput struct {
	Notice        string             `json:"notice"`
	Conversations int                `json:"conversations"`
	Messages      int                `json:"messages"`
	Pinned        int                `json:"pinned"`
	Waiting       int                `json:"waiting" jsonschema:"conversations that search cannot find yet"`
	Failed        int                `json:"failed" jsonschema:"conversations that could not be indexed"`
	Platforms     []overviewPlatform `json:"platforms"`
	Months        []overviewMonth    `json:"months" jsonschema:"by the month of creation"`
}

type overviewPlatform struct {
	Platform      string `json:"platform"`
	Name          string `json:"displayName,omitempty"`
	Conversations int    `json:"conversations"`
	Messages      int    `json:"messages"`
}

type overviewMonth struct {
	Month         string `json:"month"`
	Conversations int    `json:"conversations"`
}

func (s *session) overview(ctx context.Context, _ overviewInput) (string, overviewOutput, error) {
	stats, err := s.access.Stats(ctx)
	if err != nil {
		return "", overviewOutput{}, err
	}
	out := overviewOutput{
		Notice: notice, Conversations: stats.Conversations, Messages: stats.Messages, Pinned: stats.Pinned,
		Waiting: stats.Backlog.Queued + stats.Backlog.Indexing, Failed: stats.Backlog.Failed,
		Platforms: []overviewPlatform{}, Months: []overviewMonth{},
	}
	rows := []string{}
	for _, p := range stats.Platforms {
		out.Platforms = append(out.Platforms, overviewPlatform{p.Platform, p.DisplayName, p.Conversations, p.Messages})
		rows = append(rows, fmt.Sprintf("%s: %s", quoted(p.Platform), plural(p.Conversations, "conversation")))
	}
	for _, m := range stats.Months {
		out.Months = append(out.Months, overviewMonth{m.Month, m.Conversations})
		rows = append(rows, fmt.Sprintf("%s: %s", m.Month, plural(m.Conversations, "conversation")))
	}
	said := fmt.Sprintf("%s with %s, %d pinned; %d wait to be searchable, %d could not be indexed.",
		plural(stats.Conversations, "conversation"), plural(stats.Messages, "message"), stats.Pinned, out.Waiting, out.Failed)
	if len(rows) == 0 {
		return said, out, nil
	}
	return lines(said, framed(rows...)), out, nil
}

const summaryHelp = "A summary of one conversation: the whole transcript if it is short (under 5,000 tokens), else what a language " +
	"model sums up, or excerpts if none is configured. For the whole text, use get_full_conversation."

type summaryInput struct {
	ConversationID string `json:"conversationId" jsonschema:"the id, from the sources of recall_chat_history or from a search"`
}

type summaryOutput struct {
	Summary string `json:"summary"`
	Tokens  int    `json:"tokenCount"`
	Model   string `json:"model" jsonschema:"the language model that wrote it, or transcript, or extractive"`
}

func (s *session) summary(ctx context.Context, in summaryInput) (string, summaryOutput, error) {
	summary, err := s.access.Summary(ctx, chat.ConversationID(in.ConversationID))
	return summary.Content, summaryOutput{Summary: summary.Content, Tokens: summary.Tokens, Model: summary.Model}, err
}

const fullHelp = "The messages of one conversation, in order. A long conversation comes in parts: call again with the cursor of the " +
	"answer until there is none."

type fullInput struct {
	ConversationID string `json:"conversationId" jsonschema:"the id, from the sources of recall_chat_history or from a search"`
	Cursor         string `json:"cursor,omitempty" jsonschema:"where to go on: the cursor of the answer before"`
	MaxTokens      int    `json:"maxTokens,omitempty" jsonschema:"about how many tokens this part may have; 20000 if not given"`
}

// Sizes of a part of a conversation, in tokens.
const (
	defaultPart = 20_000
	maxPart     = 100_000
)

func fullLimits() map[string]limit { return map[string]limit{"maxTokens": between(100, maxPart)} }

type fullOutput struct {
	Notice       string           `json:"notice"`
	Conversation conversationItem `json:"conversation"`
	Messages     []fullMessage    `json:"messages"`
	Cursor       string           `json:"cursor,omitempty" jsonschema:"for the next part; absent after the last one"`
}

type fullMessage struct {
	Index     int    `json:"index"`
	Sender    string `json:"sender"`
	Date      string `json:"date"`
	Text      string `json:"text"`
	Continued bool   `json:"continued,omitempty" jsonschema:"the text continues that of the part before"`
}

func (s *session) full(ctx context.Context, in fullInput) (string, fullOutput, error) {
	at, err := parseCursor(in.Cursor)
	if err != nil {
		return "", fullOutput{}, err
	}
	if in.MaxTokens == 0 {
		in.MaxTokens = defaultPart
	}
	piece, err := s.access.ReadPiece(ctx, chat.ConversationID(in.ConversationID), at, in.MaxTokens)
	if err != nil {
		return "", fullOutput{}, err
	}
	out := fullOutput{Notice: notice, Conversation: item(piece.Conversation), Messages: []fullMessage{}, Cursor: cursorOf(piece.Next)}
	for _, part := range piece.Parts {
		out.Messages = append(out.Messages, fullMessage{
			Index: part.Position, Sender: string(part.Sender), Date: stamp(part.CreatedAt), Text: part.Text, Continued: !part.Begins(),
		})
	}
	text := transcript(piece)
	if out.Cursor != "" {
		text = lines(text, "There is more: call get_full_conversation again with cursor "+out.Cursor)
	}
	return text, out, nil
}

// transcript returns a piece of a conversation as framed text.
func transcript(piece history.Piece) string {
	c := piece.Conversation
	rows := []string{fmt.Sprintf("%s (%s), %s to %s, %s", quoted(c.Title), c.Platform, day(c.CreatedAt), day(c.UpdatedAt), plural(c.Messages, "message"))}
	for _, part := range piece.Parts {
		heading := fmt.Sprintf("\n[%d] %s, %s:", part.Position, part.Sender, day(part.CreatedAt))
		if !part.Begins() {
			heading = fmt.Sprintf("\n[%d] continued:", part.Position)
		}
		rows = append(rows, heading, recall.Quote(part.Text))
	}
	return framed(slices.Concat(rows[:1], []string{strings.Join(rows[1:], "\n")})...)
}
