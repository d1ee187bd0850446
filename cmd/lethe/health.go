package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/localservice"
)

func (p *program) healthCommand() *cobra.Command {
	var url string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Check whether the service is ready",
		Long: "Check whether a service is ready for requests, with its database: the one at --url or\n" +
			"LETHE_ADDR, or else your service on this machine. The exit code is 0 if it is ready, else 1,\n" +
			"so a container can use it as its health check.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.config()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			host := "" // the host of the address
			if url == "" {
				if url, host, err = p.healthAddress(c); err != nil {
					return err
				}
			}
			if err := askReady(ctx, url, host, timeout); err != nil {
				return err
			}
			return p.say("ready\n")
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "address of the service (default: your service on this machine)")
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return cmd
}

// healthAddress returns where the service is if --url does not say so: at LETHE_ADDR if it is set, else where this
// user's service is running, else at the default. host is the host name that a service with this configuration
// accepts; "" for any.
func (p *program) healthAddress(c config.Config) (url, host string, err error) {
	if !p.isSet(addressVariable) {
		services, err := localservice.Find(c.RuntimeDir)
		switch {
		case err != nil:
			return "", "", err
		case len(services) > 1:
			return "", "", severalServices(services)
		case len(services) == 1:
			return services[0].URL, "", nil
		}
	}
	if len(c.Hosts) > 0 {
		host = c.Hosts[0]
	}
	return "http://" + callable(c.Addr), host, nil
}

// askReady returns nil if the service answers that it is ready, and otherwise an Unavailable fault with the reason.
func askReady(ctx context.Context, url, host string, timeout time.Duration) error {
	url = strings.TrimRight(url, "/") + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "%q is not the address of a service", url)
	}
	request.Host = host
	// This transport uses no proxy, because an answer of a proxy would say nothing about the service.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Unavailable, "%s did not answer within %s", url, timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.New(fault.Unavailable, "no service answers at %s; `lethe serve` starts one", origin(url))
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "%s cannot be reached", url)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fault.New(fault.Unavailable, "%s answers %s, %s", url, response.Status, reasonIn(response.Body))
	}
	return nil
}

// reasonIn reads why the service is not ready. The answer may come from another program.
func reasonIn(body io.Reader) string {
	var answer struct {
		Error string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(body, 64<<10)).Decode(&answer); err != nil || answer.Error == "" {
		return "without a reason"
	}
	return answer.Error
}

// callable converts an address to listen on into one to call: for an address that means every interface, the loopback
// address.
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
