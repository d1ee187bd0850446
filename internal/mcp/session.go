package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// session is one HTTP request. The messages of a batch share it.
type session struct {
	access history.Access
	again  func() (history.Access, error)
	log    *slog.Logger

	mu    sync.Mutex
	begun bool // the first message was admitted, with the access of the HTTP request
}

// codeRateLimited is the JSON-RPC code of a message above the rate of the key.
const codeRateLimited = -32029

// admit counts each further message of an HTTP request as a request of its own, so that a
// batch is no way around the rate of a key. It reads null in an optional argument as absent,
// because models send it.
func (s *session) admit(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, r sdk.Request) (sdk.Result, error) {
		if err := s.count(); err != nil {
			return nil, &jsonrpc.Error{Code: codeRateLimited, Message: s.say(ctx, err)}
		}
		if call, ok := r.GetParams().(*sdk.CallToolParamsRaw); ok {
			call.Arguments = withoutNulls(call.Arguments)
		}
		return next(ctx, method, r)
	}
}

func (s *session) count() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.begun = true
		return nil
	}
	_, err := s.again()
	return err
}

// withoutNulls leaves out the members of an object that are null. Other JSON stays as it is.
func withoutNulls(arguments json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(arguments, &members) != nil {
		return arguments
	}
	for name, value := range members {
		if string(value) == "null" {
			delete(members, name)
		}
	}
	kept, err := json.Marshal(members)
	if err != nil { // what was read can be written
		return arguments
	}
	return kept
}

// names are the arguments' names of the domain's fields.
var names = fault.Names{"text": "query", "queries.text": "queries", "filter": "the filter", "filter.title": "title", "page": "page"}

// say returns what a caller is told of an error: nothing that was not written for callers.
func (s *session) say(ctx context.Context, err error) string {
	if fault.Is(err, fault.Internal) {
		s.log.ErrorContext(ctx, "a tool failed", "error", err)
	}
	text := fault.Worded(err, names)
	if thing, ok := fault.MissingThing(err); ok {
		text = "there is no such " + thing
	}
	if wait := fault.RetryAfter(err); wait > 0 {
		text += fmt.Sprintf("; try again in %d s", int(math.Ceil(wait.Seconds())))
	}
	return text
}

// refusal returns an error of a tool as the model sees it.
func (s *session) refusal(ctx context.Context, err error) error { return errors.New(s.say(ctx, err)) }
