package server

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/server/jsonbody"
)

// limitBody refuses a body of more than limit bytes: at once when the request states its
// length, otherwise after limit bytes were read.
func limitBody(limit int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if limit == streamed {
				if err := checkFile(r.Header); err != nil {
					return err
				}
				patient(c)
				return next(c)
			}
			if limit > 0 && r.ContentLength > limit {
				return tooLarge(limit)
			}
			r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
			return next(c)
		}
	}
}

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "the body is larger than the %d bytes that this route takes", limit)
}

// binder reads JSON bodies strictly (package jsonbody). The generated code calls it for
// each operation with a body, and calls understand for the others.
type binder struct{}

// Bind decodes the request's body into the struct that into points to, according to the
// route's reading (readingOf). It returns Unsupported, TooLarge and Invalid faults, and
// io.EOF when there is no body and the route does not need one.
func (binder) Bind(into any, c echo.Context) error {
	r := c.Request()
	if r.ContentLength != 0 { // without a body, its absence is what to say
		if err := checkMediaType(r.Header); err != nil {
			return err
		}
	}
	start, whole, err := bodyStart(r.Body)
	if err != nil {
		return unread(err)
	}
	how := readingOf(c)
	if !whole {
		err = jsonbody.DecodeFrom(io.MultiReader(bytes.NewReader(start), r.Body), into, how.body)
		if _, about := errors.AsType[*fault.Error](err); err == nil || about {
			return err
		}
		return unread(err)
	}
	if len(bytes.TrimSpace(start)) == 0 {
		switch {
		case how.optional:
			return io.EOF // what the generated code takes for "no body"
		case how.noBody != "":
			return fault.Invalidf("%s", how.noBody)
		}
	}
	return jsonbody.Decode(start, into, how.body)
}

// unread is the fault for a body that could not be read completely.
func unread(err error) error {
	var over *http.MaxBytesError
	var known *fault.Error
	switch {
	case errors.As(err, &over):
		return tooLarge(over.Limit)
	case errors.As(err, &known):
		return err
	}
	return brokenBody(err, "the body")
}

// brokenBody says why a body is incomplete: it stopped or came too slowly, or the connection ended.
func brokenBody(err error, what string) error {
	slow := errors.Join(httpStatus(http.StatusRequestTimeout), err)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Wrap(fault.Canceled, slow, "%s stopped coming; send the request again", what)
	case errors.Is(err, errTooSlow):
		return fault.Wrap(fault.Canceled, slow, "%s came too slowly and was cut off; send the request again", what)
	}
	return fault.Wrap(fault.Canceled, errors.Join(httpStatus(http.StatusBadRequest), err), "%s could not be read to its end; send the request again", what)
}

// checkFile accepts every media type except forms: the body is the file itself.
func checkFile(h http.Header) error {
	if coding := h.Get(echo.HeaderContentEncoding); coding != "" && !strings.EqualFold(coding, "identity") {
		return fault.New(fault.Unsupported, "send the file as it is, without Content-Encoding")
	}
	if media, _, _ := mime.ParseMediaType(h.Get(echo.HeaderContentType)); strings.HasPrefix(media, "multipart/") {
		return fault.New(fault.Unsupported, "send the file itself as the body, not a form; with curl: --data-binary @FILE")
	}
	return nil
}

// checkLines accepts the media types of a file of JSON lines.
func checkLines(h http.Header) error {
	if coding := h.Get(echo.HeaderContentEncoding); coding != "" && !strings.EqualFold(coding, "identity") {
		return fault.New(fault.Unsupported, "send the file as it is, without Content-Encoding")
	}
	media, _, err := mime.ParseMediaType(h.Get(echo.HeaderContentType))
	switch media {
	case lethe.MediaType, "application/jsonl", "application/json-lines", echo.MIMEApplicationJSON, echo.MIMEOctetStream, "":
		if err == nil || media == "" {
			return nil
		}
	}
	return fault.New(fault.Unsupported, "the file must have one JSON object a line: send it with 'Content-Type: %s'", lethe.MediaType)
}

// checkMediaType accepts JSON in UTF-8, and a body without a media type, which is assumed
// to be JSON.
func checkMediaType(h http.Header) error {
	if coding := h.Get(echo.HeaderContentEncoding); coding != "" && !strings.EqualFold(coding, "identity") {
		return fault.New(fault.Unsupported, "send the body as it is, without Content-Encoding")
	}
	label := h.Get(echo.HeaderContentType)
	if label == "" {
		return nil
	}
	media, params, err := mime.ParseMediaType(label)
	if err != nil || (media != echo.MIMEApplicationJSON && !strings.HasSuffix(media, "+json")) {
		return fault.New(fault.Unsupported, "the body must be JSON: send it with 'Content-Type: application/json'")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") && !strings.EqualFold(charset, "us-ascii") {
		return fault.New(fault.Unsupported, "the body must be in UTF-8")
	}
	return nil
}
