package relay

import (
	"context"
	"reflect"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lethe-chat/lethe/internal/fault"
)

// relay is a server whose tools and resources are those of the service.
type relay struct {
	up     *upstream
	server *sdk.Server

	mu      sync.Mutex
	offered offer
}

// offer is what a service has for a key.
type offer struct {
	tools     map[string]*sdk.Tool             // by name
	templates map[string]*sdk.ResourceTemplate // by URI template
}

func offerOf(ctx context.Context, s *sdk.ClientSession) (offer, error) {
	o := offer{tools: map[string]*sdk.Tool{}, templates: map[string]*sdk.ResourceTemplate{}}
	for tool, err := range s.Tools(ctx, nil) {
		if err != nil {
			return offer{}, err
		}
		o.tools[tool.Name] = tool
	}
	for template, err := range s.ResourceTemplates(ctx, nil) {
		if err != nil {
			return offer{}, err
		}
		o.templates[template.URITemplate] = template
	}
	return o, nil
}

// follow asks the service what it has whenever the client asks, because another version of the
// service, or other rights of the key, may have other tools. While the service does not answer,
// the client sees what there was, and each call says why it cannot be carried out.
func (r *relay) follow(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, request sdk.Request) (sdk.Result, error) {
		if method == "tools/list" || method == "resources/templates/list" {
			_ = r.refresh(ctx)
		}
		return next(ctx, method, request)
	}
}

// refresh offers what the service has now. What has not changed stays as it is, because each
// change is announced to the client, which then lists again.
func (r *relay) refresh(ctx context.Context) error {
	now, err := ask(ctx, r.up, true, offerOf)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, tool := range now.tools {
		if !reflect.DeepEqual(r.offered.tools[name], tool) {
			r.server.AddTool(tool, r.call)
		}
	}
	for uri, template := range now.templates {
		if !reflect.DeepEqual(r.offered.templates[uri], template) {
			r.server.AddResourceTemplate(template, r.read)
		}
	}
	for name := range r.offered.tools {
		if now.tools[name] == nil {
			r.server.RemoveTools(name)
		}
	}
	for uri := range r.offered.templates {
		if now.templates[uri] == nil {
			r.server.RemoveResourceTemplates(uri)
		}
	}
	r.server.RemoveTools(statusName)
	r.offered = now
	return nil
}

// readOnly reports whether a tool changes nothing, so that it may be called a second time.
func (r *relay) readOnly(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	tool := r.offered.tools[name]
	return tool != nil && tool.Annotations != nil && tool.Annotations.ReadOnlyHint
}

// call passes a call of a tool on, with what the client of the relay is able to do. The answer
// may be a question to its user; the SDK asks it and calls again.
func (r *relay) call(ctx context.Context, request *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	p := &sdk.CallToolParams{
		Meta: sdk.Meta{sdk.MetaKeyClientCapabilities: abilities(request)}, Name: request.Params.Name, Arguments: request.Params.Arguments,
		InputResponses: request.Params.InputResponses, RequestState: request.Params.RequestState,
	}
	if len(request.Params.Arguments) == 0 {
		p.Arguments = map[string]any{}
	}
	result, err := ask(ctx, r.up, r.readOnly(p.Name), func(ctx context.Context, s *sdk.ClientSession) (*sdk.CallToolResult, error) {
		return s.CallTool(ctx, p)
	})
	if text, ok := refusal(err); ok {
		return failed(text), nil
	}
	if err == nil && result.InputRequests != nil {
		result = &sdk.CallToolResult{InputRequests: result.InputRequests, RequestState: result.RequestState}
	}
	return result, err
}

// abilities returns the capabilities that the service needs to know: whether forms can be shown.
func abilities(r *sdk.CallToolRequest) map[string]any {
	c := r.ClientCapabilities()
	if c == nil || c.Elicitation == nil || (c.Elicitation.Form == nil && c.Elicitation.URL != nil) {
		return map[string]any{}
	}
	return map[string]any{"elicitation": map[string]any{"form": map[string]any{}}}
}

// read passes a read of a resource on.
func (r *relay) read(ctx context.Context, request *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	result, err := ask(ctx, r.up, true, func(ctx context.Context, s *sdk.ClientSession) (*sdk.ReadResourceResult, error) {
		return s.ReadResource(ctx, &sdk.ReadResourceParams{URI: request.Params.URI})
	})
	if text, ok := refusal(err); ok {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: text}
	}
	return result, err
}

// The tool that is there while no service has answered yet.
const (
	statusName = "chat_history_status"
	unreached  = "The user's own chat history with assistants. It cannot be reached at the moment: " + statusName + " says why."
	statusHelp = "Say why the chat history cannot be reached, and look for it again. Call it when the user refers to something said before."
)

func statusTool() *sdk.Tool {
	const title = "Why the chat history cannot be reached"
	return &sdk.Tool{
		Name: statusName, Title: title, Description: statusHelp, InputSchema: map[string]any{"type": "object"},
		Annotations: &sdk.ToolAnnotations{Title: title, ReadOnlyHint: true, DestructiveHint: new(false), IdempotentHint: true, OpenWorldHint: new(false)},
	}
}

func (r *relay) status(ctx context.Context, _ *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	if err := r.refresh(ctx); err != nil {
		text, _ := refusal(err)
		return failed(text), nil
	}
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "The chat history can be reached now. List the tools again: they have appeared."}}}, nil
}

// failed returns the answer of a tool that could not be carried out.
func failed(text string) *sdk.CallToolResult {
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}

// refusal returns why the service did not answer; false if it did.
func refusal(err error) (string, bool) {
	if err == nil || answered(err) {
		return "", false
	}
	return fault.Message(unanswered(err)), true
}
