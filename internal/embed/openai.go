package embed

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/modelhttp"
)

// Defaults of OpenAIOptions.
const (
	DefaultTimeout    = 30 * time.Second
	DefaultMaxRetries = 3
	DefaultBatchTexts = 32 // the default limit of text-embeddings-inference
	DefaultBatchBytes = 256 << 10

	maxAnswer    = 64 << 20  // largest answer in bytes
	openAIPrefix = "openai/" // with modelhttp.MaxModelName it fits Model.ID
	settingModel = "LETHE_EMBEDDINGS_MODEL"
)

// OpenAIOptions describes the server and how it is called. Zero values mean the defaults above.
type OpenAIOptions struct {
	URL        string        // base URL of the API, such as "http://localhost:11434/v1"
	Model      string        // the name of the model on the server
	APIKey     string        // empty for servers that need none
	Timeout    time.Duration // of one attempt
	MaxRetries int           // attempts after the first one; negative for none
	BatchTexts int           // maximum number of texts per request
	BatchBytes int           // maximum bytes of text per request; a longer text is sent alone
	HTTPClient *http.Client
}

// openAI is a client of any server with OpenAI's /v1/embeddings.
type openAI struct {
	server     *modelhttp.Server
	model      string
	options    OpenAIOptions
	dimensions atomic.Int64 // set by the first answer
}

// NewOpenAI returns an embedder that uses an OpenAI-compatible server (OpenAI, Ollama, llama.cpp,
// text-embeddings-inference and others). It sends no request yet: Model().Dimensions is 0 until the first answer. It
// returns an Invalid fault when URL or model is not usable.
func NewOpenAI(o OpenAIOptions) (Embedder, error) {
	e, err := newOpenAI(o)
	if err != nil {
		return nil, err // not e: an Embedder that contains a nil *openAI is not nil
	}
	return e, nil
}

// newOpenAI is NewOpenAI with options for tests.
func newOpenAI(o OpenAIOptions, change ...func(*modelhttp.Options)) (*openAI, error) {
	o = o.withDefaults()
	asked := modelhttp.Options{
		Name: "embeddings server", URL: o.URL, Path: "embeddings", Model: o.Model, APIKey: o.APIKey,
		Settings: "LETHE_EMBEDDINGS",
		Timeout:  o.Timeout, MaxRetries: o.MaxRetries, MaxAnswer: maxAnswer, HTTPClient: o.HTTPClient,
	}
	for _, f := range change {
		f(&asked)
	}
	server, err := modelhttp.New(asked)
	if err != nil {
		return nil, err
	}
	return &openAI{server: server, model: o.Model, options: o}, nil
}

func (o OpenAIOptions) withDefaults() OpenAIOptions {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = DefaultMaxRetries
	}
	if o.BatchTexts <= 0 {
		o.BatchTexts = DefaultBatchTexts
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = DefaultBatchBytes
	}
	return o
}

// Model returns the model with the dimensions of the first answer.
func (e *openAI) Model() Model {
	return Model{ID: openAIPrefix + e.model, Dimensions: int(e.dimensions.Load())}
}

// Embed sends the texts in batches, one after the other. It does not send blank texts, because some servers refuse
// them; their vector is nil.
func (e *openAI) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	vectors := make([][]float32, len(texts))
	for _, batch := range e.batches(texts) {
		if err := e.embedBatch(ctx, batch, texts, vectors); err != nil {
			return nil, err
		}
	}
	return vectors, nil
}

// batches returns the positions of the texts to send, divided by both limits.
func (e *openAI) batches(texts []string) [][]int {
	var batches [][]int
	var open []int
	bytes := 0
	for i, text := range texts {
		if strings.TrimSpace(text) == "" {
			continue
		}
		full := len(open) == e.options.BatchTexts || bytes+len(text) > e.options.BatchBytes
		if len(open) > 0 && full {
			batches, open, bytes = append(batches, open), nil, 0
		}
		open = append(open, i)
		bytes += len(text)
	}
	if len(open) > 0 {
		batches = append(batches, open)
	}
	return batches
}

// embedBatch sets the vectors at the positions of the batch. If the server finds a batch too large, embedBatch sends
// it again in halves: servers have limits that they do not announce, and one long text must not cost the other texts
// their vectors.
func (e *openAI) embedBatch(ctx context.Context, batch []int, texts []string, vectors [][]float32) error {
	input := make([]string, len(batch))
	for i, at := range batch {
		input[i] = texts[at]
	}
	answer, err := e.server.Ask(ctx, embeddingsRequest{Model: e.model, Input: input, EncodingFormat: "float"}) // the one format that every server supports
	if modelhttp.TooLarge(err) && len(batch) > 1 {
		half := len(batch) / 2
		if err := e.embedBatch(ctx, batch[:half], texts, vectors); err != nil {
			return err
		}
		return e.embedBatch(ctx, batch[half:], texts, vectors)
	}
	if err != nil {
		return err
	}
	got, err := e.read(answer, len(batch))
	if err != nil {
		return err
	}
	for i, at := range batch {
		vectors[at] = got[i]
	}
	return nil
}

// embeddingsRequest is the body of a request to OpenAI's API. embeddingsAnswer is the part of the answer that is
// read.
type embeddingsRequest struct {
	Model          string   `json:"model"`
	Input          []string `json:"input"`
	EncodingFormat string   `json:"encoding_format"`
}

type embeddingsAnswer struct {
	Data []embeddingItem `json:"data"`
}

type embeddingItem struct {
	Index     *int            `json:"index"`
	Embedding json.RawMessage `json:"embedding"`
}

// read checks the answer and returns its vectors in the order of the texts. The first valid answer sets the
// dimensions.
func (e *openAI) read(answer json.RawMessage, want int) ([][]float32, error) {
	if string(answer) == "null" {
		return nil, e.server.Broken("answered nothing for %d texts", want)
	}
	var read embeddingsAnswer
	if err := json.Unmarshal(answer, &read); err != nil {
		read.Data = nil // of another form: do not trust any of them
	}
	if len(read.Data) != want {
		return nil, e.server.Broken("answered %d vectors for %d texts", len(read.Data), want)
	}
	vectors := make([][]float32, want)
	filled := make([]bool, want)
	dimensions := 0
	for i, item := range read.Data {
		at := i // without an index, answers are in order
		if item.Index != nil {
			at = *item.Index
		}
		if at < 0 || at >= want || filled[at] {
			return nil, e.server.Broken("numbered its vectors wrongly")
		}
		numbers, err := e.numbers(item.Embedding)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			dimensions = len(numbers)
		}
		if len(numbers) != dimensions {
			return nil, e.server.Broken("answered vectors of different lengths (%d and %d)", dimensions, len(numbers))
		}
		vector, ok := unit(numbers)
		if !ok {
			return nil, e.server.Broken("answered a vector with numbers that are not finite")
		}
		vectors[at], filled[at] = vector, true
	}
	if !e.dimensions.CompareAndSwap(0, int64(dimensions)) && e.dimensions.Load() != int64(dimensions) {
		return nil, e.server.Broken("answered vectors of %d numbers where the ones before had %d; if it serves another model now, restart with another name in %s",
			dimensions, e.dimensions.Load(), settingModel)
	}
	return vectors, nil
}

// numbers reads a vector: a list of numbers, or the base64 of 32-bit floats, which some servers send in any case.
func (e *openAI) numbers(raw json.RawMessage) ([]float64, error) {
	var packed []byte
	// encoding/json would also read a list of small whole numbers as bytes.
	if bytes.HasPrefix(raw, []byte(`"`)) && json.Unmarshal(raw, &packed) == nil && len(packed) > 0 && len(packed)%4 == 0 {
		numbers := make([]float64, len(packed)/4)
		for i := range numbers {
			numbers[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(packed[4*i:])))
		}
		return numbers, nil
	}
	// encoding/json would read a null in a list of numbers as 0.
	if bytes.Contains(raw, []byte("null")) {
		return nil, e.server.Broken("answered a vector that is empty or has gaps")
	}
	var numbers []float64
	if err := json.Unmarshal(raw, &numbers); err != nil && len(raw) > 0 {
		return nil, e.server.Broken("answered a vector that is no list of numbers")
	}
	if len(numbers) == 0 {
		return nil, e.server.Broken("answered a vector that is empty or has gaps")
	}
	return numbers, nil
}
