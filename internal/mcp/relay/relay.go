// Package relay speaks the Model Context Protocol on standard input and output for a service
// that speaks it over HTTP. It offers the tools that the service has for the key, and passes
// each call on. It knows no tool and no history.
package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Options say what a relay connects.
type Options struct {
	Version string
	In      io.ReadCloser
	Out     io.WriteCloser
	// Find returns the address of the service and a key. It is called again when the service
	// does not answer any more, because a new one may have another address.
	Find func(context.Context) (url, key string, err error)
}

// Run relays until In or ctx ends. Unavailable when no service answers at the start.
func Run(ctx context.Context, o Options) error {
	up := &upstream{o: o}
	defer up.close()
	session, err := up.session(ctx)
	if err != nil {
		return err
	}
	server := sdk.NewServer(&sdk.Implementation{Name: "lethe", Title: "Lethe chat history", Version: o.Version}, &sdk.ServerOptions{
		Instructions: session.InitializeResult().Instructions,
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}, Resources: &sdk.ResourceCapabilities{}},
		SetCacheable: func(_ context.Context, _ sdk.Request, c *sdk.Cacheable) { c.CacheScope = "private" },
	})
	for tool, err := range session.Tools(ctx, nil) {
		if err != nil {
			return unanswered(err)
		}
		server.AddTool(tool, up.call)
	}
	for template, err := range session.ResourceTemplates(ctx, nil) {
		if err != nil {
			return unanswered(err)
		}
		server.AddResourceTemplate(template, up.read)
	}
	err = server.Run(ctx, &sdk.IOTransport{Reader: o.In, Writer: o.Out})
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil
	}
	return err
}

func unanswered(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the service does not answer by the Model Context Protocol: %s", err)
}

// upstream is the connection to the service.
type upstream struct {
	o  Options
	mu sync.Mutex
	to *sdk.ClientSession // nil while there is none
}

// session returns the connection, and makes one if there is none.
func (u *upstream) session(ctx context.Context) (*sdk.ClientSession, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.to != nil {
		return u.to, nil
	}
	url, key, err := u.o.Find(ctx)
	if err != nil {
		return nil, err
	}
	client := sdk.NewClient(&sdk.Implementation{Name: "lethe mcp", Version: u.o.Version}, &sdk.ClientOptions{
		Capabilities: &sdk.ClientCapabilities{}, MultiRoundTrip: &sdk.MultiRoundTripOptions{Disabled: true},
	})
	session, err := client.Connect(context.WithoutCancel(ctx), &sdk.StreamableClientTransport{
		Endpoint: url + "/mcp", HTTPClient: &http.Client{Transport: withKey{key}}, MaxRetries: -1, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		return nil, unanswered(err)
	}
	u.to = session
	return session, nil
}

// drop forgets a connection that is broken.
func (u *upstream) drop(broken *sdk.ClientSession) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.to == broken {
		u.to = nil
	}
	_ = broken.Close() // it is broken
}

func (u *upstream) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.to != nil {
		_ = u.to.Close() // nothing waits for it
	}
}

// ask asks the service, and a second time after a new connection when the first does not answer.
func ask[T any](ctx context.Context, u *upstream, do func(*sdk.ClientSession) (T, error)) (answer T, err error) {
	for range 2 {
		session, err := u.session(ctx)
		if err != nil {
			return answer, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: fault.Message(err)}
		}
		answer, err = do(session)
		var said *jsonrpc.Error
		if err == nil || errors.As(err, &said) || ctx.Err() != nil {
			return answer, err
		}
		u.drop(session)
	}
	return answer, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the service does not answer; is `lethe serve` running?"}
}

// call passes a call of a tool on, with what the client of the relay is able to do. The answer
// may be a question to its user; the SDK asks it and calls again.
func (u *upstream) call(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	return ask(ctx, u, func(s *sdk.ClientSession) (*sdk.CallToolResult, error) {
		p := &sdk.CallToolParams{
			Meta: sdk.Meta{sdk.MetaKeyClientCapabilities: abilities(r)},
			Name: r.Params.Name, Arguments: r.Params.Arguments, InputResponses: r.Params.InputResponses, RequestState: r.Params.RequestState,
		}
		if len(r.Params.Arguments) == 0 {
			p.Arguments = map[string]any{}
		}
		result, err := s.CallTool(ctx, p)
		if err == nil && result.InputRequests != nil {
			result = &sdk.CallToolResult{InputRequests: result.InputRequests, RequestState: result.RequestState}
		}
		return result, err
	})
}

// abilities returns the capabilities that the service needs to know: whether forms can be shown.
func abilities(r *sdk.CallToolRequest) map[string]any {
	c := r.ClientCapabilities()
	if c == nil || c.Elicitation == nil || (c.Elicitation.Form == nil && c.Elicitation.URL != nil) {
		return map[string]any{}
	}
	return map[string]any{"elicitation": map[string]any{"form": map[string]any{}}}
}

func (u *upstream) read(ctx context.Context, r *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	return ask(ctx, u, func(s *sdk.ClientSession) (*sdk.ReadResourceResult, error) {
		return s.ReadResource(ctx, &sdk.ReadResourceParams{URI: r.Params.URI})
	})
}

// withKey adds the key to every request.
type withKey struct{ key string }

// RoundTrip sends a request with the key.
func (k withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+k.key)
	return http.DefaultTransport.RoundTrip(r)
}
