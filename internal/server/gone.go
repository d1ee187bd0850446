package server

import (
	"context"
	"errors"

	"github.com/lethe-chat/lethe/internal/fault"
)

// statusClientGone stands in the log and the metrics for an answer that nobody
// waited for, as other servers have it. It is never read.
const statusClientGone = 499

// wentAway reports whether a request ended with this error because whoever sent it
// no longer waits. asked is the request's own context, without our deadlines.
func wentAway(asked context.Context, err error) bool {
	return asked.Err() != nil && (errors.Is(err, context.Canceled) || fault.Is(err, fault.Canceled))
}
