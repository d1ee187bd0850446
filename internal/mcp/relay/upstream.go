package relay

import (
	"context"
	"errors"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lethe-chat/lethe/internal/fault"
)

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
		Endpoint: url + "/mcp", HTTPClient: newCaller(url, key), MaxRetries: -1, DisableStandaloneSSE: true,
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

// ask asks the service, and once more after a new connection when the service was started again
// meanwhile: it may have another address or another key then. A request that may have arrived
// is only repeated if that is safe. The error is a fault, or a *jsonrpc.Error that the service
// answered.
func ask[T any](ctx context.Context, u *upstream, safe bool, do func(context.Context, *sdk.ClientSession) (T, error)) (answer T, err error) {
	for range 2 {
		session, err := u.session(ctx)
		if err != nil {
			return answer, err
		}
		if answer, err = do(ctx, session); err == nil || answered(err) || ctx.Err() != nil {
			return answer, err
		}
		u.drop(session)
		if !safe && !errors.Is(err, errNotSent) && !fault.Is(err, fault.Unauthenticated) {
			return answer, unanswered(err)
		}
	}
	return answer, unanswered(err)
}

// answered reports whether an error is the service's answer to the request. The SDK calls what
// the transport reports an error of the protocol too, so faults come first.
func answered(err error) bool {
	var unreached *fault.Error
	var said *jsonrpc.Error
	return !errors.As(err, &unreached) && errors.As(err, &said)
}

// unanswered returns a fault for a request that has no answer of the protocol.
func unanswered(err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	return fault.Wrap(fault.Unavailable, err, "the service does not answer by the Model Context Protocol: %s", err)
}
