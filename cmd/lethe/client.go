package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/pkg/client"
)

// remote has the flags for the service that a subcommand calls and for its key. Without them, it is the user's own
// service on this machine.
type remote struct {
	url, key, keyFile string
	asJSON            bool
}

func (r *remote) flags(cmd *cobra.Command) {
	r.connection(cmd)
	cmd.Flags().BoolVar(&r.asJSON, "json", false, "print the answer as JSON")
}

// connection adds the flags of a command whose output has its own format.
func (r *remote) connection(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.url, "url", "", "address of the service (default: your service on this machine)")
	cmd.Flags().StringVar(&r.keyFile, "key-file", "", "file that contains the API key; - reads it from standard input")
	cmd.Flags().StringVar(&r.key, "key", "", "the API key; other users can see it in the process list, so prefer --key-file")
	cmd.MarkFlagsMutuallyExclusive("key", "key-file")
}

// client returns a client for the service that the flags and the environment name.
// Without a key it looks for the user's own service on this machine, which needs
// none. For any other service it asks for a key when a person is at the terminal.
func (p *program) client(ctx context.Context, r remote) (*client.Client, error) {
	c, _, err := p.clientAt(ctx, r)
	return c, err
}

// clientAt is client, and also returns the address of the service.
func (p *program) clientAt(ctx context.Context, r remote) (_ *client.Client, address string, err error) {
	address, key, err := p.serviceAndKey(ctx, r)
	if err != nil {
		return nil, "", err
	}
	opened, err := client.New(address, key, client.WithUserAgent("lethe/"+release()))
	return opened, address, err
}

// serviceAndKey returns the address of the service and the key for it.
func (p *program) serviceAndKey(ctx context.Context, r remote) (address, key string, err error) {
	c, err := p.config()
	if err != nil {
		return "", "", err
	}
	if key, err = p.givenKey(c, r); err != nil {
		return "", "", err
	}
	named := r.url != "" || p.isSet(addressVariable)
	if r.url == "" {
		r.url = "http://" + callable(c.Addr)
	}
	if key == "" {
		return p.keyless(ctx, c, r.url, named)
	}
	return r.url, key, nil
}

// addressVariable is the environment variable with the address of the service. If it is set, no other service is
// looked for.
const addressVariable = "LETHE_ADDR"

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

// say prints data or a result on stdout.
func (p *program) say(format string, args ...any) error {
	_, err := fmt.Fprintf(p.stdout, format, args...)
	return err
}

// note prints a line for people on stderr, where scripts do not read it.
func (p *program) note(format string, args ...any) {
	fmt.Fprintf(p.stderr, format+"\n", args...)
}
