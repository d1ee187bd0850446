package embed

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Defaults of OpenAIOptions.
const (
	DefaultTimeout    = 30 * time.Second
	DefaultMaxRetries = 3
	DefaultBatchTexts = 32 // what text-embeddings-inference takes unless told otherwise
	DefaultBatchBytes = 256 << 10

	maxModelName  = 180      // bytes; with the prefix it fits Model.ID
	maxAnswer     = 64 << 20 // bytes of one answer that we are willing to read
	openAIPrefix  = "openai/"
	settingURL    = "LETHE_EMBEDDINGS_URL"
	settingModel  = "LETHE_EMBEDDINGS_MODEL"
	settingAPIKey = "LETHE_EMBEDDINGS_API_KEY" //nolint:gosec // the variable's name, not a key
)

// OpenAIOptions says which server to ask and how patiently. Zero values mean
// the defaults above.
type OpenAIOptions struct {
	URL        string        // the base of the API, as in "http://localhost:11434/v1"
	Model      string        // the server's name of the model
	APIKey     string        // empty for servers that ask for none
	Timeout    time.Duration // of one attempt
	MaxRetries int           // attempts after the first one; negative for none
	BatchTexts int           // most texts in one request
	BatchBytes int           // most bytes of text in one request; a longer text goes alone
	HTTPClient *http.Client
}

// openAI speaks to any server with OpenAI's /v1/embeddings.
type openAI struct {
	service    openai.EmbeddingService
	model      string
	host       string // for messages: neither user, key nor path
	options    OpenAIOptions
	maxAnswer  int64
	pacer      pacer
	dimensions atomic.Int64 // fixed by the first answer
}

// NewOpenAI returns an embedder that asks an OpenAI-compatible server (OpenAI,
// Ollama, llama.cpp, text-embeddings-inference and others). It asks nothing
// yet: Model().Dimensions is 0 until the first answer. It returns an Invalid
// fault when URL or model cannot be meant.
func NewOpenAI(o OpenAIOptions) (Embedder, error) {
	e, err := newOpenAI(o)
	if err != nil {
		return nil, err // not e: a nil *openAI is no nil Embedder
	}
	return e, nil
}

func newOpenAI(o OpenAIOptions) (*openAI, error) {
	base, err := url.Parse(o.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fault.Invalidf("%s must be an http or https address such as http://localhost:11434/v1", settingURL)
	}
	if o.Model == "" || len(o.Model) > maxModelName {
		return nil, fault.Invalidf("%s must name a model, in at most %d bytes", settingModel, maxModelName)
	}
	o = o.withDefaults()
	e := &openAI{model: o.Model, host: base.Host, options: o, maxAnswer: maxAnswer, pacer: newPacer()}
	// The service is made directly, not through the whole client, because that
	// one would read OPENAI_* variables behind our back.
	settings := []option.RequestOption{
		option.WithBaseURL(o.URL),
		option.WithHTTPClient(o.HTTPClient),
		option.WithMaxRetries(0), // retrying is ours: see attempts
		option.WithMiddleware(e.limitAnswer),
	}
	if o.APIKey != "" {
		settings = append(settings, option.WithAPIKey(o.APIKey))
	}
	e.service = openai.NewEmbeddingService(settings...)
	return e, nil
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
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{}
	}
	return o
}

// Model returns the model with the dimension that the first answer had.
func (e *openAI) Model() Model {
	return Model{ID: openAIPrefix + e.model, Dimensions: int(e.dimensions.Load())}
}

// Embed asks the server in batches, one after the other. Blank texts are not
// asked for, since some servers refuse them; their vector is nil.
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

// batches returns the positions of the texts to ask for, cut by both limits.
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

// embedBatch fills in the vectors at the batch's positions. A batch that the
// server finds too large is asked for again in halves: servers have limits that
// they tell nobody, and one long text must not cost its neighbors theirs.
func (e *openAI) embedBatch(ctx context.Context, batch []int, texts []string, vectors [][]float32) error {
	input := make([]string, len(batch))
	for i, at := range batch {
		input[i] = texts[at]
	}
	answer, err := e.attempts(ctx, input)
	if isTooLarge(err) && len(batch) > 1 {
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

// attempts asks until there is an answer, a refusal that asking again will not
// change, or no retry left.
func (e *openAI) attempts(ctx context.Context, input []string) (*openai.CreateEmbeddingResponse, error) {
	for n := 0; ; n++ {
		answer, said, err := e.ask(ctx, input)
		if err == nil {
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, canceled(ctx.Err())
		}
		refusal, again := e.explain(err, said.status)
		if !again || n >= e.options.MaxRetries {
			return nil, refusal
		}
		pause, ok := e.pacer.delay(n, said.header)
		if !ok {
			return nil, refusal
		}
		if err := e.pacer.sleep(ctx, pause); err != nil {
			return nil, canceled(err)
		}
	}
}

// reply is what is worth knowing of an HTTP answer besides its body. Its status
// is 0 when none came.
type reply struct {
	status int
	header http.Header
}

// ask makes one request, within the time-out.
func (e *openAI) ask(ctx context.Context, input []string) (*openai.CreateEmbeddingResponse, reply, error) {
	ctx, cancel := context.WithTimeout(ctx, e.options.Timeout)
	defer cancel()
	var response *http.Response
	answer, err := e.service.New(ctx, openai.EmbeddingNewParams{
		Model:          e.model,
		Input:          openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: input},
		EncodingFormat: openai.EmbeddingNewParamsEncodingFormatFloat, // the one that every server knows
	}, option.WithResponseInto(&response))
	if response == nil {
		return answer, reply{}, err
	}
	return answer, reply{status: response.StatusCode, header: response.Header}, err
}

// read checks the answer and puts its vectors in the order of the texts. The
// first answer that is right in every way fixes the dimension.
func (e *openAI) read(answer *openai.CreateEmbeddingResponse, want int) ([][]float32, error) {
	if answer == nil { // the body was a lone null
		return nil, e.broken("answered nothing for %d texts", want)
	}
	if len(answer.Data) != want {
		return nil, e.broken("answered %d vectors for %d texts", len(answer.Data), want)
	}
	dimensions := len(answer.Data[0].Embedding)
	vectors := make([][]float32, want)
	filled := make([]bool, want)
	for i := range answer.Data {
		item := &answer.Data[i]
		at := i // a server that numbers nothing answers in order
		if item.JSON.Index.Valid() {
			at = int(item.Index)
		}
		if at < 0 || at >= want || filled[at] {
			return nil, e.broken("numbered its vectors wrongly")
		}
		vector, err := e.readVector(item, dimensions)
		if err != nil {
			return nil, err
		}
		vectors[at], filled[at] = vector, true
	}
	if !e.dimensions.CompareAndSwap(0, int64(dimensions)) && e.dimensions.Load() != int64(dimensions) {
		return nil, e.broken("answered vectors of %d numbers where the ones before had %d; if it serves another model now, restart with another name in %s",
			dimensions, e.dimensions.Load(), settingModel)
	}
	return vectors, nil
}

func (e *openAI) readVector(item *openai.Embedding, dimensions int) ([]float32, error) {
	// The client reads a null inside the list as 0, so its raw text is asked.
	if len(item.Embedding) == 0 || strings.Contains(item.JSON.Embedding.Raw(), "null") {
		return nil, e.broken("answered a vector that is empty or has gaps")
	}
	if len(item.Embedding) != dimensions {
		return nil, e.broken("answered vectors of different lengths (%d and %d)", dimensions, len(item.Embedding))
	}
	vector, ok := unit(item.Embedding)
	if !ok {
		return nil, e.broken("answered a vector with numbers that are not finite")
	}
	return vector, nil
}

// broken is the fault of an answer that no retry will mend.
func (e *openAI) broken(format string, args ...any) error {
	return fault.Invalidf("the embeddings server %s %s", e.host, fmt.Sprintf(format, args...))
}

// unavailable is the fault of a server that may be back later.
func (e *openAI) unavailable(format string, args ...any) error {
	return fault.New(fault.Unavailable, "the embeddings server %s %s", e.host, fmt.Sprintf(format, args...))
}
