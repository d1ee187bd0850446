// Package llm asks a language model to write a text. It owns the Writer interface and
// its implementation for servers with OpenAI's /v1/chat/completions. It does not know
// what the text is about or how it is used.
package llm

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/modelhttp"
)

// Task describes the text to write.
type Task struct {
	Rules     string // the system prompt
	Text      string // the user's message
	MaxTokens int    // limit for the text; the model is cut off there
}

// Writer writes texts.
//
// Write returns a text that is not blank. Errors are faults: Unavailable when a later
// attempt may succeed, Invalid when it will not (for example when the model refuses),
// Canceled when ctx ended. Write is safe for concurrent use.
type Writer interface {
	Model() string // name of the model, to show beside the text
	Write(ctx context.Context, t Task) (string, error)
}

// Limits of a request. A person is waiting, and the worker of a browser extension waits
// for at most 30 seconds. So there is one attempt, and a pause after a failure.
const (
	DefaultTimeout = 12 * time.Second

	maxAnswer = 4 << 20 // bytes
	// thinking is how many tokens a reasoning model may use for its hidden reasoning,
	// which counts in max_completion_tokens.
	thinking = 4096
)

// Remote is a Writer that asks a server.
type Remote struct {
	server *modelhttp.Server
	model  string
	// newer is set when the server refused `max_tokens` or `temperature`, as OpenAI's
	// reasoning models do, and accepted the request without them.
	newer atomic.Bool
}

// NewRemote returns a writer that asks a server. It sends nothing yet. It returns an
// Invalid fault when the URL or the model is not valid.
func NewRemote(e modelhttp.Endpoint) (*Remote, error) {
	server, err := e.Server(modelhttp.Options{Name: "language model's server", Path: "chat/completions", Settings: "LETHE_LLM", Timeout: DefaultTimeout, MaxAnswer: maxAnswer})
	if err != nil {
		return nil, err
	}
	return &Remote{server: server, model: e.Model}, nil
}

// Model returns the configured name of the model.
func (r *Remote) Model() string { return r.model }

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type request struct {
	Model               string    `json:"model"`
	Messages            []message `json:"messages"`
	MaxTokens           int       `json:"max_tokens,omitempty"`
	MaxCompletionTokens int       `json:"max_completion_tokens,omitempty"`
	Temperature         *float64  `json:"temperature,omitempty"` // 0: the same text for the same passages, as far as a model can
}

// Write asks for the text, whole.
func (r *Remote) Write(ctx context.Context, t Task) (string, error) {
	messages := []message{{"system", t.Rules}, {"user", t.Text}}
	common := request{Model: r.model, Messages: messages, MaxTokens: t.MaxTokens, Temperature: new(float64)}
	newer := request{Model: r.model, Messages: messages, MaxCompletionTokens: t.MaxTokens + thinking}
	if r.newer.Load() {
		common = newer
	}
	answer, err := r.server.Ask(ctx, common)
	if common.MaxTokens > 0 && modelhttp.Refused(err, "max_tokens", "max_completion_tokens", "temperature") && !modelhttp.TooLarge(err) {
		if answer, err = r.server.Ask(ctx, newer); err == nil {
			r.newer.Store(true)
		}
	}
	if err != nil {
		return "", err
	}
	return r.read(answer)
}

func (r *Remote) read(answer json.RawMessage) (string, error) {
	var whole struct {
		Choices []struct {
			Message struct {
				Content *string `json:"content"`
				Refusal *string `json:"refusal"`
			} `json:"message"`
			FinishReason string `json:"finish_reason"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(answer, &whole); err != nil || len(whole.Choices) == 0 {
		return "", r.server.Broken("answered in a form that is not known")
	}
	choice := whole.Choices[0]
	refusal := choice.Message.Refusal
	if choice.FinishReason == "content_filter" || (refusal != nil && *refusal != "") {
		return "", fault.Invalidf("the model %s refused to write", r.model)
	}
	text := ""
	if choice.Message.Content != nil {
		text = withoutThoughts(*choice.Message.Content)
	}
	if text == "" {
		return "", r.server.Broken("answered a blank text")
	}
	return text, nil
}

// withoutThoughts removes the thoughts that some models write before their answer. If a model was cut off while it
// was thinking, nothing is left.
func withoutThoughts(text string) string {
	const begin, end = "<think>", "</think>"
	text = strings.TrimSpace(text)
	if _, after, ok := strings.Cut(text, end); ok {
		return strings.TrimSpace(after)
	}
	if strings.HasPrefix(text, begin) {
		return ""
	}
	return text
}
