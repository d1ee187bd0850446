package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/client"
)

// explain returns the text of an error for the command line. Errors of the client library begin with "lethe: ", which
// the command line prints only once.
func explain(err error) string {
	text := err.Error()
	var answer *client.Error
	if errors.As(err, &answer) {
		text = strings.Replace(text, answer.Error(), explainAnswer(answer), 1)
	}
	var call *url.Error
	if errors.As(err, &call) && errors.Is(err, syscall.ECONNREFUSED) && fault.Is(err, fault.Internal) {
		text = fmt.Sprintf("no service answers at %s. Start one with `lethe serve`, or give another address with --url or LETHE_ADDR", origin(call.URL))
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "lethe: ")
	}
	return strings.Join(lines, "\n")
}

func explainAnswer(e *client.Error) string {
	switch {
	case e.Status == http.StatusUnauthorized:
		return e.Message + ". `lethe keys create` creates a key"
	case e.Status >= http.StatusInternalServerError && e.RequestID != "":
		return fmt.Sprintf("%s (status %d; see request %s in the log of the service)", e.Message, e.Status, e.RequestID)
	default:
		return e.Message
	}
}

// origin returns a URL without its path.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}
