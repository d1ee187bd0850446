package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
)

func (p *program) healthCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the service on this machine whether it is ready",
		Long: "Ask the service that runs on LETHE_ADDR whether it is ready for requests, its\n" +
			"database included. The exit code says it: 0 for yes, 1 for no. It is what a\n" +
			"container's health check can run where there is neither a shell nor curl.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.config()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if err := askReady(ctx, c, timeout); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, "ready")
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return cmd
}

// askReady returns nil when the service answers that it is ready, and an
// Unavailable fault that says why not.
func askReady(ctx context.Context, c config.Config, timeout time.Duration) error {
	url := "http://" + callable(c.Addr) + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "LETHE_ADDR cannot be called")
	}
	if len(c.Hosts) > 0 {
		request.Host = c.Hosts[0] // the service refuses names that it was not told of
	}
	// A transport of its own, which knows no proxy: the answer of one would say
	// nothing about the service.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Unavailable, "%s did not answer within %s", url, timeout)
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "%s cannot be reached; does the service run?", url)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fault.New(fault.Unavailable, "%s answers %s, %s", url, response.Status, reasonIn(response.Body))
	}
	return nil
}

// reasonIn is the service's own word on why it is not ready. What answers could
// also be another program.
func reasonIn(body io.Reader) string {
	var answer struct {
		Error string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(body, 64<<10)).Decode(&answer); err != nil || answer.Error == "" {
		return "and gives no reason"
	}
	return answer.Error
}

// callable turns an address to listen on into one to call: one that stands for
// every interface of a machine stands for its loopback too.
func callable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
