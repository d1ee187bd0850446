package mcp

import (
	"context"
	"fmt"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/search"
)

const searchHelp = "Find passages of the user's earlier conversations, by words and by meaning. Each result has the id of its " +
	"conversation, for get_full_conversation. For a ready answer within a token budget, use recall_chat_history."

type searchInput struct {
	Query    string `json:"query" jsonschema:"what to look for: a question or some words"`
	Limit    int    `json:"limit,omitempty" jsonschema:"how many passages; 10 if not given"`
	Platform string `json:"platform,omitempty" jsonschema:"only conversations of this platform"`
	Mode     string `json:"mode,omitempty" jsonschema:"hybrid (by words and by meaning) if not given"`
	period
}

func searchLimits() map[string]limit {
	return map[string]limit{"query": {length: 10_000}, "limit": between(1, 50), "mode": {oneOf: []any{"hybrid", "semantic", "keyword"}}}
}

type searchOutput struct {
	Notice  string      `json:"notice"`
	Results []searchHit `json:"results"`
	Mode    string      `json:"mode" jsonschema:"how was searched: keyword alone if the embedder does not answer"`
}

type searchHit struct {
	ConversationID string  `json:"conversationId"`
	MessageID      string  `json:"messageId"`
	Title          string  `json:"title"`
	Platform       string  `json:"platform"`
	Sender         string  `json:"sender"`
	Date           string  `json:"date"`
	Score          float64 `json:"score"`
	Text           string  `json:"text"`
}

const defaultHits = 10

func (s *session) search(ctx context.Context, in searchInput) (string, searchOutput, error) {
	q := search.Query{Text: in.Query, Limit: in.Limit, Mode: search.Mode(in.Mode), Filter: chat.Filter{Platform: in.Platform}}
	if q.Limit == 0 {
		q.Limit = defaultHits
	}
	if err := in.period.read(&q.Filter); err != nil {
		return "", searchOutput{}, err
	}
	found, err := s.access.Search(ctx, q)
	if err != nil {
		return "", searchOutput{}, err
	}
	out := searchOutput{Notice: notice, Results: []searchHit{}, Mode: string(found.Mode)}
	blocks := make([]string, 0, len(found.Hits))
	for i, hit := range found.Hits {
		text := strings.TrimSpace(chunker.Body(hit.Passage.Parts)) // the exchange, not only what matched
		out.Results = append(out.Results, searchHit{
			ConversationID: string(hit.ConversationID), MessageID: string(hit.MessageID), Title: hit.Title, Platform: hit.Platform,
			Sender: string(hit.Sender), Date: stamp(hit.Time), Score: hit.Score, Text: text,
		})
		blocks = append(blocks, fmt.Sprintf("[%d] %s · %s (%s) · conversation %s\n%s",
			i+1, day(hit.Time), quoted(hit.Title), hit.Platform, hit.ConversationID, recall.Quote(text)))
	}
	if len(blocks) == 0 {
		return "The chat history has nothing about this.", out, nil
	}
	return framed(strings.Join(blocks, "\n\n")), out, nil
}

const recallHelp = "Recall what the user's earlier conversations say about one question, or about several: a digest within a " +
	"token budget, dated, with its sources. Use it when the user refers to something said before. The ids of the sources are for " +
	"get_full_conversation and get_conversation_summary."

type recallInput struct {
	Query     string   `json:"query,omitempty" jsonschema:"one question; give either this or queries"`
	Queries   []string `json:"queries,omitempty" jsonschema:"several questions, each searched and answered on its own"`
	MaxTokens int      `json:"maxTokens,omitempty" jsonschema:"the most tokens of the digest (of each, with queries); 600 if not given"`
	period
}

func recallLimits() map[string]limit {
	return map[string]limit{"query": {length: 10_000}, "queries": {items: recall.MaxQueries}, "maxTokens": between(1, recall.MaxTokens)}
}

type recallOutput struct {
	Content string         `json:"content"`
	Sources []recallSource `json:"sources"`
	Tokens  int            `json:"tokenCount"`
	Model   string         `json:"model" jsonschema:"the language model that wrote the digest, or extractive"`
}

type recallSource struct {
	ConversationID string  `json:"conversationId"`
	Title          string  `json:"conversationTitle"`
	MessageID      string  `json:"messageId"`
	Date           string  `json:"date"`
	Score          float64 `json:"relevanceScore"`
}

func (s *session) recall(ctx context.Context, in recallInput) (string, recallOutput, error) {
	q := recall.Query{Text: in.Query, MaxTokens: in.MaxTokens}
	for _, text := range in.Queries {
		q.Queries = append(q.Queries, recall.SubQuery{Text: text})
	}
	if err := in.period.read(&q.Filter); err != nil {
		return "", recallOutput{}, err
	}
	found, err := s.access.Recall(ctx, q)
	if err != nil {
		return "", recallOutput{}, err
	}
	out := recallOutput{Content: found.Content, Sources: []recallSource{}, Tokens: found.Tokens, Model: found.Model}
	ids := []string{}
	for i, source := range found.Sources {
		out.Sources = append(out.Sources, recallSource{
			ConversationID: string(source.ConversationID), Title: source.Title, MessageID: string(source.MessageID),
			Date: stamp(source.Date), Score: source.Score,
		})
		ids = append(ids, fmt.Sprintf("[%d] conversation %s", i+1, source.ConversationID))
	}
	if found.Content == "" {
		return "The chat history has nothing about this.", out, nil
	}
	return found.Content + "\n\nSources:\n" + strings.Join(ids, "\n"), out, nil
}
