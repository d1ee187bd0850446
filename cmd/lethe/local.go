package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/localservice"
)

// localPatience is how long a service on this machine may take to say who it is.
const localPatience = 5 * time.Second

// howToGiveKey ends the refusals for want of a key.
const howToGiveKey = "set LETHE_API_KEY or LETHE_API_KEY_FILE to a key of that service, or give --key-file (`lethe keys create` makes keys)"

// keyless finds a service that needs no key from this user, and returns its address
// and its token. With named, address is the one that the user wants; otherwise it
// is only the default. When there is no such service somebody at the terminal is
// asked for a key.
func (p *program) keyless(ctx context.Context, c config.Config, address string, named bool) (url, token string, err error) {
	services, err := localservice.Find(c.RuntimeDir)
	if err != nil {
		return "", "", err
	}
	var wanted []localservice.Service
	for _, s := range services {
		if !named || samePlace(s.URL, address) {
			wanted = append(wanted, s)
		}
	}
	switch len(wanted) {
	case 1:
		return wanted[0].URL, wanted[0].Token, meet(ctx, wanted[0])
	case 0:
		return p.strangers(ctx, address, services)
	default:
		return "", "", fault.Invalidf("%d services of yours run on this machine: %s. Set LETHE_ADDR or give --url to say which one you mean",
			len(wanted), strings.Join(addresses(wanted), ", "))
	}
}

// strangers is for a service that is not this user's own on this machine: it needs
// a key.
func (p *program) strangers(ctx context.Context, address string, own []localservice.Service) (url, token string, err error) {
	if !answers(ctx, address) {
		if len(own) > 0 {
			return "", "", fault.New(fault.Unavailable, "no service answers at %s. Yours is at %s: set LETHE_ADDR or give --url to use it",
				address, strings.Join(addresses(own), ", "))
		}
		return "", "", fault.New(fault.Unavailable, "no service answers at %s. Start one with `lethe serve`; for one elsewhere give --url, and %s", address, howToGiveKey)
	}
	if p.terminal {
		key, err := p.askKey(ctx, address)
		return address, key, err
	}
	return "", "", fault.New(fault.Unauthenticated, "the service at %s was not started by you on this machine, so it needs a key: %s", address, howToGiveKey)
}

// meet makes sure that whatever answers at the service's address is the service
// that wrote the file, before it is sent the token. Its process may have ended and
// another program listen there.
func meet(ctx context.Context, s localservice.Service) error {
	challenge := rand.Text()
	response, err := askHealth(ctx, s.URL, challenge)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "your service at %s does not answer", s.URL)
	}
	if !localservice.IsProof(s.Token, challenge, response.Get("Lethe-Proof")) {
		return fault.New(fault.Unavailable, "what answers at %s is not the service that %s tells of; nothing was sent to it. "+
			"If a proxy or another program listens there, set LETHE_API_KEY and LETHE_ADDR", s.URL, s.File)
	}
	return nil
}

// answers reports whether anything speaks HTTP at the address.
func answers(ctx context.Context, address string) bool {
	_, err := askHealth(ctx, address, "")
	return err == nil
}

// askHealth asks who is there, without a key, and returns the header of the answer.
func askHealth(ctx context.Context, address, challenge string) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, localPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(address, "/")+"/healthz", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%q is not the address of a service: %w", address, err)
	}
	if challenge != "" {
		request.Header.Set("Lethe-Challenge", challenge)
	}
	// A transport of its own, which knows no proxy: this is about this machine.
	caller := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := caller.Do(request)
	if err != nil {
		return nil, err
	}
	return response.Header, response.Body.Close()
}

func addresses(services []localservice.Service) []string {
	all := make([]string, len(services))
	for i, s := range services {
		all[i] = s.URL
	}
	return all
}

// samePlace reports whether two addresses name one place on this machine.
func samePlace(a, b string) bool { return place(a) == place(b) }

func place(address string) string {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || u.Path != "" {
		return address
	}
	host := u.Host
	if name, port, found := strings.Cut(host, ":"); found && strings.EqualFold(name, "localhost") {
		host = "127.0.0.1:" + port
	}
	return u.Scheme + "://" + host
}
