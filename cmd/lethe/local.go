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

// localPatience is how long a service on this machine may take to identify itself.
const localPatience = 5 * time.Second

// howToGiveKey is the end of errors about a missing key.
const howToGiveKey = "give it with --key-file, LETHE_API_KEY_FILE or LETHE_API_KEY (`lethe keys create` creates one)"

// keyless finds a service of this user on this machine, which needs no key, and returns
// its address and its token. If named is set, the user asked for this address;
// otherwise it is the default. If there is no such service, a user at the terminal is
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
		return p.withKey(ctx, address, services)
	default:
		return "", "", severalServices(wanted)
	}
}

// severalServices returns the error when the user has to choose one of several services.
func severalServices(all []localservice.Service) error {
	return fault.Invalidf("you run %d services on this machine: %s. Choose one with --url or LETHE_ADDR",
		len(all), strings.Join(addresses(all), ", "))
}

// withKey asks for the key of a service that this user did not start on this machine.
func (p *program) withKey(ctx context.Context, address string, own []localservice.Service) (url, key string, err error) {
	if !answers(ctx, address) {
		if len(own) > 0 {
			return "", "", fault.New(fault.Unavailable, "no service answers at %s. Yours is at %s; use it with --url or LETHE_ADDR",
				address, strings.Join(addresses(own), ", "))
		}
		return "", "", fault.New(fault.Unavailable, "no service answers at %s. Start one with `lethe serve`, or give the address of another with --url", address)
	}
	if p.terminal {
		key, err := p.askKey(ctx, address)
		return address, key, err
	}
	return "", "", fault.New(fault.Unauthenticated, "the service at %s was not started by you on this machine, so it needs a key; %s", address, howToGiveKey)
}

// meet checks that the program at the service's address is the service that wrote the
// file, before the token is sent to it. The process may have ended, and another
// program may listen there.
func meet(ctx context.Context, s localservice.Service) error {
	challenge := rand.Text()
	response, err := askHealth(ctx, s.URL, challenge)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "your service at %s does not answer", s.URL)
	}
	if !localservice.IsProof(s.Token, challenge, response.Get("Lethe-Proof")) {
		return fault.New(fault.Unavailable, "the program at %s is not the service described in %s; nothing was sent to it. "+
			"If a proxy listens there, set LETHE_API_KEY and LETHE_ADDR", s.URL, s.File)
	}
	return nil
}

// answers reports whether an HTTP server answers at the address.
func answers(ctx context.Context, address string) bool {
	_, err := askHealth(ctx, address, "")
	return err == nil
}

// askHealth calls /healthz without a key and returns the header of the answer.
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
	// This transport uses no proxy, because the service is on this machine.
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

// samePlace reports whether two addresses are the same; localhost is 127.0.0.1.
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
