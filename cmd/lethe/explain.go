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

// explain is an error in the words of the command line. The client library begins
// its errors with its name, as libraries do; at a terminal that name is said once.
func explain(err error) string {
	text := err.Error()
	var answer *client.Error
	if errors.As(err, &answer) {
		text = strings.Replace(text, answer.Error(), explainAnswer(answer), 1)
	}
	var call *url.Error
	if errors.As(err, &call) && errors.Is(err, syscall.ECONNREFUSED) && fault.Is(err, fault.Internal) {
		text = fmt.Sprintf("no service answers at %s. Start one with `lethe serve`, or name another with --url or LETHE_ADDR", origin(call.URL))
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
		return e.Message + ". `lethe keys create` makes a key that works"
	case e.Status >= http.StatusInternalServerError && e.RequestID != "":
		return fmt.Sprintf("%s (status %d; request %s in the service's log)", e.Message, e.Status, e.RequestID)
	default:
		return e.Message
	}
}

// origin is an address without its path.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}
