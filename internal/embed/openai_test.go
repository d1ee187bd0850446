package embed

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/modelhttp"
)

const (
	testKey  = "sk-a-secret-key"
	testText = "the private words of a user"
)

// fakeServer is an embeddings server on loopback. Each request gets the next of its faulty answers. When there are
// none left, it answers correctly.
type fakeServer struct {
	*httptest.Server
	mu       sync.Mutex
	script   []http.HandlerFunc
	requests [][]string // the inputs of each request
	auth     []string
}

func serve(t *testing.T, script ...http.HandlerFunc) *fakeServer {
	t.Helper()
	s := &fakeServer{script: script}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	var asked struct {
		Input []string `json:"input"`
		Model string   `json:"model"`
	}
	if err := json.Unmarshal(body, &asked); err != nil || asked.Model != "test-model" || r.URL.Path != "/v1/embeddings" {
		http.Error(w, "not an embeddings request", http.StatusTeapot)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, asked.Input)
	s.auth = append(s.auth, r.Header.Get("Authorization"))
	var next http.HandlerFunc
	if len(s.script) > 0 {
		next, s.script = s.script[0], s.script[1:]
	}
	s.mu.Unlock()
	if next != nil {
		next(w, r)
		return
	}
	items := make([]string, len(asked.Input))
	for i, text := range asked.Input {
		items[i] = item(i, vectorOf(text))
	}
	writeJSON(w, answerOf(items...))
}

func (s *fakeServer) asked() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// vectorOf is the fake model: three numbers that depend only on the text.
func vectorOf(text string) string {
	sum := 1
	for _, b := range []byte(text) {
		sum = (sum*31 + int(b)) % 1009
	}
	return fmt.Sprintf("[%d, 2, 0.5]", sum)
}

func item(index int, vector string) string {
	return fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, index, vector)
}

func answerOf(items ...string) string {
	return `{"object":"list","model":"test-model","data":[` + strings.Join(items, ",") + `],"usage":{"prompt_tokens":1,"total_tokens":1}}`
}

func writeJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body) // an error means that the client left, which some tests do
}

func answer(items ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, answerOf(items...)) }
}

// refuse answers with a status and an error that quotes the caller's text and key, as a bad server would.
func refuse(status int, message string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		quoted, _ := json.Marshal(message + " " + testKey + " " + testText)
		_, _ = fmt.Fprintf(w, `{"error":{"message":%s,"type":"t","code":null}}`, quoted)
	}
}

func hangUp(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = connection.Close()
	}
}

// newTestOpenAI returns an embedder that does not wait between attempts and records how long it would have waited.
func newTestOpenAI(t *testing.T, s *fakeServer, change func(*OpenAIOptions), more ...func(*modelhttp.Options)) (*openAI, *[]time.Duration) {
	t.Helper()
	o := OpenAIOptions{URL: s.URL + "/v1", Model: "test-model", APIKey: testKey, HTTPClient: s.Client()}
	if change != nil {
		change(&o)
	}
	var waits []time.Duration
	e, err := newOpenAI(o, append([]func(*modelhttp.Options){func(r *modelhttp.Options) {
		r.Pacer = modelhttp.Pacer{
			Now:    func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
			Jitter: func() float64 { return 0 },
			Sleep: func(ctx context.Context, d time.Duration) error {
				waits = append(waits, d)
				return ctx.Err()
			},
		}
	}}, more...)...)
	require.NoError(t, err)
	return e, &waits
}

func TestOpenAISendsTheKey(t *testing.T) {
	s := serve(t)
	for _, key := range []string{testKey, ""} {
		e, _ := newTestOpenAI(t, s, func(o *OpenAIOptions) { o.APIKey = key })
		_, err := e.Embed(context.Background(), []string{"a"})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"Bearer " + testKey, ""}, s.auth)
}

func TestOpenAIBatches(t *testing.T) {
	for name, c := range map[string]struct {
		texts, bytes int
		in           []string
		want         [][]string
	}{
		"by number":             {2, 100, []string{"a", "b", "c"}, [][]string{{"a", "b"}, {"c"}}},
		"by size":               {9, 4, []string{"aa", "bb", "c"}, [][]string{{"aa", "bb"}, {"c"}}},
		"a long one goes alone": {9, 4, []string{"a", "bbbbbbb", "c"}, [][]string{{"a"}, {"bbbbbbb"}, {"c"}}},
		"blank ones do not go":  {2, 100, []string{"", "a", " ", "b"}, [][]string{{"a", "b"}}},
		"nothing to ask":        {2, 100, []string{"", "\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			e, _ := newTestOpenAI(t, s, func(o *OpenAIOptions) { o.BatchTexts, o.BatchBytes = c.texts, c.bytes })
			got, err := e.Embed(context.Background(), c.in)
			require.NoError(t, err)
			require.Equal(t, c.want, s.asked())
			for i, text := range c.in {
				require.Equal(t, strings.TrimSpace(text) == "", got[i] == nil)
			}
		})
	}
}

// The caller does not notice temporary failures.
func TestOpenAIRecovers(t *testing.T) {
	for name, c := range map[string]struct {
		script []http.HandlerFunc
		waits  []time.Duration
	}{
		"429 with seconds":      {[]http.HandlerFunc{refuse(429, "slow down", "Retry-After", "7")}, []time.Duration{7 * time.Second}},
		"429 with a date":       {[]http.HandlerFunc{refuse(429, "slow down", "Retry-After", "Fri, 02 Jan 2026 03:04:15 GMT")}, []time.Duration{10 * time.Second}},
		"429 with a past date":  {[]http.HandlerFunc{refuse(429, "slow down", "Retry-After", "Fri, 02 Jan 2026 03:04:00 GMT")}, []time.Duration{0}},
		"429 with nonsense":     {[]http.HandlerFunc{refuse(429, "slow down", "Retry-After", "soon")}, []time.Duration{250 * time.Millisecond}},
		"500, 502, 503":         {[]http.HandlerFunc{refuse(500, "x"), refuse(502, "x"), refuse(503, "x")}, []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second}},
		"500 without JSON":      {[]http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<h1>oops", 500) }}, []time.Duration{250 * time.Millisecond}},
		"the connection closes": {[]http.HandlerFunc{hangUp}, []time.Duration{250 * time.Millisecond}},
		"JSON breaks off": {[]http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, answerOf(item(0, "[1,2,3]"))[:60])
		}}, []time.Duration{250 * time.Millisecond}},
		"the body is shorter than announced": {[]http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			writeJSON(w, answerOf(item(0, "[1,2,3]")))
		}}, []time.Duration{250 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.script...)
			e, waits := newTestOpenAI(t, s, nil)
			got, err := e.Embed(context.Background(), []string{testText})
			require.NoError(t, err)
			require.Len(t, got[0], 3)
			require.Equal(t, c.waits, *waits)
			require.Len(t, s.asked(), len(c.script)+1)
		})
	}
}

// The errors for the caller when the server keeps failing.
func TestOpenAIGivesUp(t *testing.T) {
	good := item(0, "[1,2,3]")
	for name, c := range map[string]struct {
		do    http.HandlerFunc
		kind  fault.Kind
		says  string
		tries int
	}{
		"429":                      {refuse(429, "x"), fault.Unavailable, "429", 3},
		"429 for an hour":          {refuse(429, "x", "Retry-After", "3600"), fault.Unavailable, "429", 1},
		"429 for ages":             {refuse(429, "x", "Retry-After", "99999999999999999"), fault.Unavailable, "429", 1},
		"429 until next year":      {refuse(429, "x", "Retry-After", "Sat, 02 Jan 2027 03:04:05 GMT"), fault.Unavailable, "429", 1},
		"500":                      {refuse(500, "x"), fault.Unavailable, "internal problem (500)", 3},
		"hang up":                  {hangUp, fault.Unavailable, "cannot be reached", 3},
		"401":                      {refuse(401, "bad key"), fault.Invalid, "LETHE_EMBEDDINGS_API_KEY", 1},
		"403":                      {refuse(403, "no"), fault.Invalid, "LETHE_EMBEDDINGS_API_KEY", 1},
		"404":                      {refuse(404, "no such model"), fault.Invalid, "LETHE_EMBEDDINGS_MODEL", 1},
		"400":                      {refuse(400, "what?"), fault.Invalid, "LETHE_EMBEDDINGS_MODEL", 1},
		"too long (400)":           {refuse(400, "This model's maximum context length is 8192 tokens"), fault.Invalid, "too long", 1},
		"too long (413)":           {refuse(413, "payload"), fault.Invalid, "too long", 1},
		"too long (422)":           {refuse(422, "inputs must have less than 512 tokens"), fault.Invalid, "too long", 1},
		"too long (500)":           {refuse(500, "input is too large to process"), fault.Invalid, "too long", 1},
		"HTML":                     {page, fault.Invalid, "LETHE_EMBEDDINGS_URL", 1},
		"not JSON":                 {func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, "<html>") }, fault.Invalid, "not JSON", 1},
		"broken off":               {func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"data":[`) }, fault.Unavailable, "in the middle of its answer", 3},
		"an empty body":            {func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, ``) }, fault.Unavailable, "", 3},
		"null":                     {func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `null`) }, fault.Invalid, "nothing for 1 texts", 1},
		"data is text":             {func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"data":"x"}`) }, fault.Invalid, "0 vectors for 1 texts", 1},
		"none":                     {answer(), fault.Invalid, "0 vectors for 1 texts", 1},
		"too many":                 {answer(good, item(1, "[1,2,3]")), fault.Invalid, "2 vectors for 1 texts", 1},
		"an index of another text": {answer(item(7, "[1,2,3]")), fault.Invalid, "numbered", 1},
		"a negative index":         {answer(item(-1, "[1,2,3]")), fault.Invalid, "numbered", 1},
		"an empty vector":          {answer(item(0, "[]")), fault.Invalid, "empty", 1},
		"no vector":                {answer(`{"index":0}`), fault.Invalid, "empty", 1},
		"a null vector":            {answer(item(0, "null")), fault.Invalid, "empty", 1},
		"a null number":            {answer(item(0, "[1,null,3]")), fault.Invalid, "gaps", 1},
		"a text as number":         {answer(item(0, `[1,"x",3]`)), fault.Invalid, "", 1},
		"NaN":                      {answer(item(0, "[1,NaN,3]")), fault.Invalid, "not JSON", 1},
		"NaN in base64":            {answer(item(0, inBase64(1, math.NaN(), 3))), fault.Invalid, "finite", 1},
		"too big a number":         {answer(item(0, "[1,1e999,3]")), fault.Invalid, "", 1},
		"a huge answer":            {answer(item(0, "["+strings.Repeat("0.123456789,", 20_000)+"1]")), fault.Invalid, "more than 100000 bytes", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.do, c.do, c.do)
			e, _ := newTestOpenAI(t, s, func(o *OpenAIOptions) { o.MaxRetries = 2 }, func(r *modelhttp.Options) { r.MaxAnswer = 100_000 })
			got, err := e.Embed(context.Background(), []string{testText})
			require.Nil(t, got)
			require.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			require.Contains(t, fault.Message(err), c.says)
			require.Contains(t, fault.Message(err), strings.TrimPrefix(s.URL, "http://"), "it names the server")
			for _, secret := range []string{testKey, testText} {
				require.NotContains(t, err.Error(), secret)
			}
			require.Len(t, s.asked(), c.tries)
			require.Zero(t, e.Model().Dimensions, "a bad answer fixes nothing")
		})
	}
}

func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<html>hello</html>")
}

func inBase64(numbers ...float64) string {
	var raw []byte
	for _, x := range numbers {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
	}
	return `"` + base64.StdEncoding.EncodeToString(raw) + `"`
}

func TestOpenAIReadsWhatServersAnswer(t *testing.T) {
	third, half := []float32{0, 0, 1}, []float32{0.6, 0.8, 0}
	for name, c := range map[string]struct {
		items []string
		want  [][]float32
	}{
		"in order":      {[]string{item(0, "[3,4,0]"), item(1, "[0,0,9]")}, [][]float32{half, third}},
		"reordered":     {[]string{item(1, "[0,0,9]"), item(0, "[3,4,0]")}, [][]float32{half, third}},
		"base64":        {[]string{item(0, inBase64(3, 4, 0)), item(1, "[0,0,9]")}, [][]float32{half, third}},
		"without index": {[]string{`{"embedding":[3,4,0]}`, `{"embedding":[0,0,9]}`}, [][]float32{half, third}},
		"zeros":         {[]string{item(0, "[0,0,0]"), item(1, "[0,0,9]")}, [][]float32{nil, third}},
		"like bytes":    {[]string{item(0, "[3,4,0,0]"), item(1, "[0,0,9,0]")}, [][]float32{append(half[:3:3], 0), append(third[:3:3], 0)}},
		"very long":     {[]string{item(0, "[3e300,4e300,0]"), item(1, "[0,0,9]")}, [][]float32{half, third}},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := newTestOpenAI(t, serve(t, answer(c.items...)), nil)
			got, err := e.Embed(context.Background(), []string{"a", "b"})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestOpenAIRefusesMixedAnswers(t *testing.T) {
	for name, items := range map[string][]string{
		"an index twice":    {item(0, "[1,2]"), item(0, "[1,2]")},
		"different lengths": {item(0, "[1,2]"), item(1, "[1,2,3]")},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := newTestOpenAI(t, serve(t, answer(items...)), nil)
			_, err := e.Embed(context.Background(), []string{"a", "b"})
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.Zero(t, e.Model().Dimensions)
		})
	}
}

func TestOpenAIFirstAnswerFixesTheDimension(t *testing.T) {
	e, _ := newTestOpenAI(t, serve(t, answer(item(0, "[1,2]")), answer(item(0, "[1,2,3]")), answer(item(0, "[2,1]"))), nil)
	ask := func() error { _, err := e.Embed(context.Background(), []string{"a"}); return err }
	require.NoError(t, ask())
	err := ask()
	require.True(t, fault.Is(err, fault.Invalid))
	require.Contains(t, fault.Message(err), "3 numbers where the ones before had 2")
	require.NoError(t, ask())
	require.Equal(t, 2, e.Model().Dimensions)
}

// If the server's limit is smaller than ours, or one text of a batch is too long, more requests are sent and no
// vector is lost.
func TestOpenAIHalvesWhatIsTooLarge(t *testing.T) {
	s := serve(t, refuse(413, "payload"), refuse(422, "batch size 2 > maximum allowed batch size 1"))
	e, _ := newTestOpenAI(t, s, nil)
	got, err := e.Embed(context.Background(), []string{"a", "b", "c", "d"})
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a", "b", "c", "d"}, {"a", "b"}, {"a"}, {"b"}, {"c", "d"}}, s.asked())
	for i, v := range got {
		require.NotNil(t, v, "text %d", i)
	}
}

func TestOpenAITimesOut(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	hangInside := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, do := range map[string]http.HandlerFunc{"before answering": hang, "while answering": hangInside} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, do, do)
			e, waits := newTestOpenAI(t, s, func(o *OpenAIOptions) { o.Timeout, o.MaxRetries = 30*time.Millisecond, 1 })
			_, err := e.Embed(context.Background(), []string{testText})
			require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
			require.Contains(t, fault.Message(err), "did not answer within 30ms")
			require.Len(t, *waits, 1)
		})
	}
}

func TestOpenAIServerIsGone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	e, err := newOpenAI(OpenAIOptions{URL: "http://" + listener.Addr().String() + "/v1", Model: "m", MaxRetries: -1})
	require.NoError(t, err)
	_, err = e.Embed(context.Background(), []string{testText})
	require.True(t, fault.Is(err, fault.Unavailable))
	require.Contains(t, fault.Message(err), listener.Addr().String()+" cannot be reached")
}

// Cancellation ends the call at once, whatever it is waiting for: a server that never answers, or the next attempt
// half a minute later.
func TestOpenAICancel(t *testing.T) {
	t.Run("while the server thinks", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		e, waits := newTestOpenAI(t, s, func(o *OpenAIOptions) { o.Timeout = time.Hour })
		_, err := e.Embed(ctx, []string{testText})
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		require.Empty(t, *waits)
		require.Len(t, s.asked(), 1)
	})
	t.Run("while waiting for the next attempt", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		s := serve(t, refuse(429, "x", "Retry-After", "30"))
		e, _ := newTestOpenAI(t, s, nil, func(r *modelhttp.Options) {
			r.Pacer.Sleep = func(ctx context.Context, _ time.Duration) error {
				cancel()
				<-ctx.Done()
				return ctx.Err()
			}
		})
		_, err := e.Embed(ctx, []string{testText})
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		require.Len(t, s.asked(), 1)
	})
	t.Run("by the caller's own deadline", func(t *testing.T) {
		ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
		defer cancel()
		e, _ := newTestOpenAI(t, serve(t), nil)
		_, err := e.Embed(ctx, []string{testText})
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
	})
}

func TestOpenAIOptionsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		url, model, says string
	}{
		"no address":        {"", "m", "LETHE_EMBEDDINGS_URL"},
		"no scheme":         {"localhost:11434/v1", "m", "LETHE_EMBEDDINGS_URL"},
		"not http":          {"ftp://localhost/v1", "m", "LETHE_EMBEDDINGS_URL"},
		"no host":           {"http:///v1", "m", "LETHE_EMBEDDINGS_URL"},
		"unreadable":        {"http://a b/%zz", "m", "LETHE_EMBEDDINGS_URL"},
		"no model":          {"http://localhost/v1", "", "LETHE_EMBEDDINGS_MODEL"},
		"an endless a name": {"http://localhost/v1", strings.Repeat("m", 181), "LETHE_EMBEDDINGS_MODEL"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := NewOpenAI(OpenAIOptions{URL: c.url, Model: c.model})
			require.Nil(t, e)
			require.True(t, fault.Is(err, fault.Invalid))
			require.Contains(t, fault.Message(err), c.says)
		})
	}
}

// The client library reads OPENAI_* variables for a complete client. Only the given options may have an effect here.
func TestOpenAIReadsNoEnvironment(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-from-the-environment")
	t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
	s := serve(t)
	e, _ := newTestOpenAI(t, s, func(o *OpenAIOptions) { o.APIKey = "" })
	_, err := e.Embed(context.Background(), []string{"a"})
	require.NoError(t, err)
	require.Equal(t, []string{""}, s.auth)
}
