package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/lethe-chat/lethe/pkg/api"
)

// Event is a change in a workspace. At most one field is set. None is set when nothing has changed for a while (a
// heartbeat), and when the service sends a kind of event that this version does not know.
type Event struct {
	Import   *api.ImportEvent
	Index    *api.IndexEvent
	Deletion *api.DeletionEvent
}

// ErrStreamEnded is the error of a stream of events that the service or the network has ended. The caller may open it
// again.
var ErrStreamEnded = errors.New("lethe: the stream of events has ended")

// maxEvent is how many bytes a line of a stream may have.
const maxEvent = 1 << 20

// Events yields what changes in the key's workspace, heartbeats included, until ctx ends or the caller stops. kinds
// are `import`, `index` and `deletion`; without any, all are sent. The last error is ErrStreamEnded when the stream
// ended, and an *Error when the service refused it.
func (c *Client) Events(ctx context.Context, kinds ...string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		params := &api.WatchEventsParams{}
		if len(kinds) > 0 {
			params.Kind = kinds
		}
		answer, err := c.raw.WatchEvents(ctx, params)
		for e, err := range events(answer, err) {
			if !yield(e, err) || err != nil {
				return
			}
		}
		if ctx.Err() == nil {
			yield(Event{}, ErrStreamEnded)
		}
	}
}

// FollowImport yields the state of an import whenever it changes, from its state now until it can no longer change:
// it has ended, and everything that it stored is indexed or could not be indexed. The last error is ErrStreamEnded
// when the stream ended before that, and an *Error when the service refused it. The stream ends without an error when
// ctx ends.
func (c *Client) FollowImport(ctx context.Context, id string) iter.Seq2[api.ImportEvent, error] {
	return func(yield func(api.ImportEvent, error) bool) {
		var last api.ImportEvent
		answer, err := c.raw.WatchImport(ctx, id)
		for e, err := range events(answer, err) {
			switch {
			case err != nil:
				yield(last, err)
				return
			case e.Import == nil:
				continue
			}
			if last = *e.Import; !yield(last, nil) {
				return
			}
		}
		if ctx.Err() == nil && !isFinal(last) {
			yield(last, ErrStreamEnded)
		}
	}
}

// isFinal reports whether an import can no longer change.
func isFinal(e api.ImportEvent) bool {
	switch e.State {
	case api.ImportStateDone, api.ImportStateFailed, api.ImportStateStopped:
		return e.Pending == 0
	}
	return false
}

// events yields the events of an answer and closes it. When the stream ends, also in the middle of an event, events
// ends without an error.
func events(answer *http.Response, err error) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err != nil {
			yield(Event{}, fmt.Errorf("lethe: %w", err))
			return
		}
		defer answer.Body.Close() //nolint:errcheck // it is only read
		if answer.StatusCode != http.StatusOK {
			yield(Event{}, errorOf(answer))
			return
		}
		in := bufio.NewScanner(answer.Body)
		in.Buffer(nil, maxEvent)
		for {
			e, err := nextEvent(in)
			if errors.Is(err, io.EOF) || !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// nextEvent reads the lines of one event, up to the empty line after it; io.EOF when the stream has ended.
func nextEvent(in *bufio.Scanner) (Event, error) {
	var kind string
	var data []byte
	for in.Scan() {
		field, value, _ := bytes.Cut(in.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(in.Bytes()) == 0:
			return decodeEvent(kind, data)
		case string(field) == "event":
			kind = string(value)
		case string(field) == "data":
			data = bytes.Clone(value)
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return Event{}, fmt.Errorf("lethe: the stream of events cannot be read: %w", in.Err())
	}
	return Event{}, io.EOF
}

func decodeEvent(kind string, data []byte) (e Event, err error) {
	switch kind {
	case "import":
		err = json.Unmarshal(data, &e.Import)
	case "index":
		err = json.Unmarshal(data, &e.Index)
	case "deletion":
		err = json.Unmarshal(data, &e.Deletion)
	}
	if err != nil {
		return Event{}, fmt.Errorf("lethe: an event cannot be read: %w", err)
	}
	return e, nil
}
