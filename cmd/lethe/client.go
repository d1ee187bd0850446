package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/client"
)

// remote is how a subcommand reaches a service: the one on this machine, with the
// key of the environment, unless the call says otherwise.
type remote struct {
	url, key string
	asJSON   bool
}

func (r *remote) flags(cmd *cobra.Command) {
	r.connection(cmd)
	cmd.Flags().BoolVar(&r.asJSON, "json", false, "print the service's answer as JSON")
}

// connection are the flags of a command whose output has a form of its own.
func (r *remote) connection(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.url, "url", "", "the service's address (default: http:// and LETHE_ADDR)")
	cmd.Flags().StringVar(&r.key, "key", "", "an API key (default: LETHE_API_KEY)")
}

func (p *program) client(r remote) (*client.Client, error) {
	c, err := p.config()
	if err != nil {
		return nil, err
	}
	if r.url == "" {
		r.url = "http://" + callable(c.Addr)
	}
	if r.key == "" {
		r.key = c.APIKey.Reveal()
	}
	if r.key == "" {
		return nil, fault.Invalidf("no API key: give --key, or set LETHE_API_KEY (lethe keys create makes one)")
	}
	return client.New(r.url, r.key, client.WithUserAgent("lethe/"+release()))
}

func (p *program) printJSON(answer any) error {
	out := json.NewEncoder(p.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(answer)
}

func (p *program) say(format string, args ...any) error {
	_, err := fmt.Fprintf(p.stdout, format, args...)
	return err
}
