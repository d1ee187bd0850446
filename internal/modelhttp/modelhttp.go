// Package modelhttp asks a model that is served over HTTP: one POST of JSON with a key,
// one answer of JSON. It owns what all such servers need: time-outs, retries, a limit
// for answers, and faults that name the variable to check. It does not know what is
// asked.
//
// The requests contain people's text. Errors therefore contain no part of the request,
// of the answer (which may quote it), of the address's path, or of the key. Redirects
// are not followed, so the text goes to the configured address only.
package modelhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
)

// MaxModelName is the limit for the name of a model, in bytes.
const MaxModelName = 180

// Options say which server to ask, and how long to wait.
type Options struct {
	Name     string // name for messages, such as "embeddings server"
	URL      string // base URL of the API, such as "http://localhost:11434/v1"
	Path     string // path below it, such as "embeddings"; the URL may already end in it
	Model    string // the server's name of the model
	APIKey   string // empty for servers that need none
	Settings string // prefix of its variables for messages: "LETHE_EMBEDDINGS" for _URL, _MODEL and _API_KEY

	Timeout    time.Duration // of one attempt
	MaxRetries int           // attempts after the first one
	MaxAnswer  int64         // largest answer, in bytes
	// Rest is how long a server is not asked after it failed: calls then fail at once,
	// so that a server that hangs does not slow down every request. 0 for never.
	Rest       time.Duration
	HTTPClient *http.Client // nil for a new one
	Pacer      Pacer
}

// Server is a model server that answers one kind of request. It is safe for concurrent
// use.
type Server struct {
	o       Options
	address string
	host    string // for messages: neither user, key nor path
	client  *http.Client
	resting atomic.Int64 // end of the rest, in microseconds since 1970
}

// New returns a Server. It sends nothing yet. It returns an Invalid fault when the URL
// or the model is not valid.
func New(o Options) (*Server, error) {
	base, err := url.Parse(o.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fault.Invalidf("%s_URL must be an http or https address such as http://localhost:11434/v1", o.Settings)
	}
	if o.Model == "" || len(o.Model) > MaxModelName {
		return nil, fault.Invalidf("%s_MODEL must name a model, in at most %d bytes", o.Settings, MaxModelName)
	}
	o.Pacer = o.Pacer.withDefaults()
	client := http.Client{}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	trimmed := strings.TrimRight(o.URL, "/")
	return &Server{o: o, host: base.Host, client: &client, address: strings.TrimSuffix(trimmed, "/"+o.Path) + "/" + o.Path}, nil
}

// Ask posts the question as JSON and returns the JSON of the answer. It retries after
// temporary failures. Errors are faults: Unavailable when a later attempt may succeed,
// Invalid when it will not (see also TooLarge and Refused), Canceled when ctx ended.
func (s *Server) Ask(ctx context.Context, question any) (json.RawMessage, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.canceled(err)
	}
	if until := time.UnixMicro(s.resting.Load()); s.o.Pacer.Now().Before(until) {
		return nil, fault.Wrap(fault.Unavailable, errResting, "the %s %s has just failed and is not asked again yet", s.o.Name, s.host)
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(question); err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		answer, failed := s.once(ctx, body.Bytes())
		if failed == nil {
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, s.canceled(ctx.Err())
		}
		pause, soon := s.o.Pacer.delay(n, failed.header)
		if !failed.passes || n >= s.o.MaxRetries || !soon {
			s.rest(failed)
			return nil, failed.fault
		}
		if err := s.o.Pacer.Sleep(ctx, pause); err != nil {
			return nil, s.canceled(err)
		}
	}
}

// once makes one attempt within the time-out.
func (s *Server) once(ctx context.Context, body []byte) (json.RawMessage, *failure) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address, bytes.NewReader(body))
	if err != nil {
		return nil, &failure{fault: fault.Invalidf("%s_URL is not a valid address", s.o.Settings)}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if s.o.APIKey != "" {
		request.Header.Set("Authorization", "Bearer "+s.o.APIKey)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, s.unreachable(err)
	}
	defer response.Body.Close()
	if response.StatusCode < http.StatusOK || response.StatusCode >= http.StatusMultipleChoices {
		said, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusal)) // as much as arrived
		return nil, s.refused(response, string(said))
	}
	var answer json.RawMessage
	whole, err := io.ReadAll(&limited{response.Body, s.o.MaxAnswer})
	if err == nil { // a decoder distinguishes an incomplete answer from a wrong one
		err = json.NewDecoder(bytes.NewReader(whole)).Decode(&answer)
	}
	if err != nil {
		return nil, s.unreadable(err, response.Header.Get("Content-Type"))
	}
	return answer, nil
}

func (s *Server) rest(f *failure) {
	if s.o.Rest <= 0 || !(f.passes || f.rests) {
		return
	}
	rest := s.o.Rest
	if asked, ok := s.o.Pacer.retryAfter(f.header); ok {
		rest = max(rest, asked)
	}
	s.resting.Store(s.o.Pacer.Now().Add(rest).UnixMicro())
}

// limited fails where io.LimitReader would end, so that an answer that is too long is
// not mistaken for an incomplete one.
type limited struct {
	io.Reader
	left int64
}

// Read returns errAnswerTooLong when more than the limit was read.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return 0, errAnswerTooLong
	}
	return n, err
}
