package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/pkg/client"
)

// remote is how a subcommand reaches a service: the one of this user on this
// machine, unless the call or the environment says otherwise.
type remote struct {
	url, key, keyFile string
	asJSON            bool
}

func (r *remote) flags(cmd *cobra.Command) {
	r.connection(cmd)
	cmd.Flags().BoolVar(&r.asJSON, "json", false, "print the service's answer as JSON")
}

// connection are the flags of a command whose output has a form of its own.
func (r *remote) connection(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.url, "url", "", "the service's address (default: your service on this machine)")
	cmd.Flags().StringVar(&r.keyFile, "key-file", "", "a file with an API key in it; - reads it from standard input")
	cmd.Flags().StringVar(&r.key, "key", "", "an API key; the list of processes shows it to others, so prefer --key-file")
	cmd.MarkFlagsMutuallyExclusive("key", "key-file")
}

// client returns a client for the service that the flags and the environment name.
// Without a key it looks for a service of the same user on this machine, which
// needs none, and asks for a key when somebody is at the terminal.
func (p *program) client(ctx context.Context, r remote) (*client.Client, error) {
	c, err := p.config()
	if err != nil {
		return nil, err
	}
	key, err := p.givenKey(c, r)
	if err != nil {
		return nil, err
	}
	named := r.url != "" || p.isSet("LETHE_ADDR")
	if r.url == "" {
		r.url = "http://" + callable(c.Addr)
	}
	if key == "" {
		if r.url, key, err = p.keyless(ctx, c, r.url, named); err != nil {
			return nil, err
		}
	}
	return client.New(r.url, key, client.WithUserAgent("lethe/"+release()))
}

// isSet reports whether the environment has a value for the variable.
func (p *program) isSet(name string) bool {
	for _, entry := range p.environ {
		if key, value, _ := strings.Cut(entry, "="); key == name && strings.TrimSpace(value) != "" {
			return true
		}
	}
	return false
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
