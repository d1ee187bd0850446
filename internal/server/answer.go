package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/jsonstream"
)

// answerSize is how many bytes of a streamed answer are collected before they are sent. An
// error before that is answered like any other error.
const answerSize = 32 << 10

// errGone marks that the client did not read its answer.
var errGone = errors.New("the client is gone, or takes its answer too slowly")

// streamedAnswer is an answer with status 200 whose header is sent with its first bytes.
type streamedAnswer struct {
	w      http.ResponseWriter
	header map[string]string
	begun  bool
}

// Write sends a part of the answer.
func (a *streamedAnswer) Write(p []byte) (int, error) {
	if !a.begun {
		a.begun = true
		for name, value := range a.header {
			a.w.Header().Set(name, value)
		}
		a.w.WriteHeader(http.StatusOK)
	}
	n, err := a.w.Write(p)
	if err != nil {
		return n, fmt.Errorf("%w: %w", errGone, err)
	}
	return n, nil
}

// streamJSON answers with the document that write writes. If write fails in the middle,
// streamJSON returns the error and cutOff ends the connection, because half an answer must
// not look complete.
func streamJSON(w http.ResponseWriter, write func(io.Writer) error) error {
	out := bufio.NewWriterSize(&streamedAnswer{w: w, header: map[string]string{echo.HeaderContentType: echo.MIMEApplicationJSON}}, answerSize)
	if err := write(out); err != nil {
		return err
	}
	if err := out.WriteByte('\n'); err != nil {
		return err
	}
	return out.Flush()
}

// writeParts writes messages as the items of an array. wire converts each one to the type
// to encode; the field with the given name must be empty.
func writeParts(w io.Writer, parts iter.Seq2[chat.Part, error], field string, wire func(chat.Message) any) error {
	for part, err := range parts {
		if err != nil {
			return err
		}
		said := part.Text
		part.Text = ""
		before, after, err := jsonstream.Text(wire(part.Message), field)
		if err != nil {
			return err
		}
		if part.Offset > 0 {
			before = nil
		} else if part.Position > 0 {
			before = append([]byte{','}, before...)
		}
		if part.Offset+len(said) < part.Size {
			after = nil
		}
		if err := writeAround(w, before, after, func() error { return jsonstream.WriteText(w, said) }); err != nil {
			return err
		}
	}
	return nil
}

// writeAround writes before, then the middle, then after.
func writeAround(w io.Writer, before, after []byte, middle func() error) error {
	if _, err := w.Write(before); err != nil {
		return err
	}
	if err := middle(); err != nil {
		return err
	}
	_, err := w.Write(after)
	return err
}

// cutKey is the key for storing in Echo's context that an answer must not look complete.
const cutKey = "lethe.cut"

// cutOff ends the connection of a request that failed after its answer had begun, so that
// the client sees that the answer is incomplete. It runs outside the log and the metrics,
// which therefore see the request end.
func (s *Server) cutOff(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if cut, _ := c.Get(cutKey).(bool); cut {
			panic(http.ErrAbortHandler)
		}
		return err
	}
}

// cutLater records that the answer must not look complete, and logs the reason.
func (s *Server) cutLater(err error, c echo.Context) {
	c.Set(cutKey, true)
	ctx := c.Request().Context()
	if errors.Is(err, errGone) || ctx.Err() != nil {
		s.log.DebugContext(ctx, "an answer was not taken", "route", routeOf(c), "error", err)
		return
	}
	s.log.ErrorContext(ctx, "an answer was cut off", "route", routeOf(c), "error", err)
}
