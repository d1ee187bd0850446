package server

import (
	"context"
	"errors"

	"github.com/lethe-chat/lethe/internal/fault"
)

// statusClientGone is the status in the log and the metrics when the client did not wait for
// the answer, as in other servers. It is never sent.
const statusClientGone = 499

// wentAway reports whether a request ended with this error because the client disconnected.
// asked is the request's own context, without Lethe's deadlines.
func wentAway(asked context.Context, err error) bool {
	return asked.Err() != nil && (errors.Is(err, context.Canceled) || fault.Is(err, fault.Canceled))
}
