// Package relay speaks the Model Context Protocol on standard input and output for a service
// that speaks it over HTTP. It offers the tools that the service has for the key, and passes
// each call on. It knows no tool of the service and no history.
package relay

import (
	"context"
	"errors"
	"io"

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
	// Note is told why no service answers at the start. Optional.
	Note func(error)
}

// Run relays until In or ctx ends. It also runs while no service answers, because clients start
// it once and the service may be started later: until then it has one tool, which says why.
// Invalid when Find says that the configuration cannot work.
func Run(ctx context.Context, o Options) error {
	up := &upstream{o: o}
	defer up.close()
	session, err := up.session(ctx)
	if fault.Is(err, fault.Invalid) {
		return err
	}
	instructions := unreached
	if err == nil {
		instructions = session.InitializeResult().Instructions
	}
	r := &relay{up: up}
	r.server = sdk.NewServer(&sdk.Implementation{Name: "lethe", Title: "Lethe chat history", Version: o.Version}, &sdk.ServerOptions{
		Instructions: instructions,
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{ListChanged: true}, Resources: &sdk.ResourceCapabilities{}},
		SetCacheable: func(_ context.Context, _ sdk.Request, c *sdk.Cacheable) { c.CacheScope = "private" },
	})
	if err := r.refresh(ctx); err != nil {
		if o.Note != nil {
			o.Note(err)
		}
		r.server.AddTool(statusTool(), r.status)
	}
	r.server.AddReceivingMiddleware(r.follow)
	err = r.server.Run(ctx, &sdk.IOTransport{Reader: o.In, Writer: o.Out})
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil
	}
	return err
}
