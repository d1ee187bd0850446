// Package servertest starts a service for tests over HTTP, and checks every answer
// against openapi.yaml. It is for tests only.
package servertest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/lethe-chat/lethe"
)

// Spec loads openapi.yaml. It returns an error if the document or one of its examples is
// invalid.
func Spec() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(lethe.OpenAPI)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation())
}

// reporter is the part of testing.TB that reports failures.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Validating returns a transport that sends requests through next (nil for the default
// transport) and fails the test for each answer that openapi.yaml does not allow: an
// unknown status, another content type, a missing header, a body that does not match its
// schema. Answers to paths and methods that the document does not contain must be 404,
// 405, or 204 for a preflight, in the error format of their API. It is safe for
// concurrent use until the test ends.
func Validating(t reporter, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	doc, err := Spec()
	if err != nil {
		t.Errorf("openapi.yaml: %v", err)
		return next
	}
	if next == nil {
		next = http.DefaultTransport
	}
	return &validator{t: t, next: next, doc: doc}
}

type validator struct {
	t    reporter
	next http.RoundTripper
	doc  *openapi3.T
}

// RoundTrip sends the request and checks the answer.
func (v *validator) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := v.next.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	if resp.Header.Get("Content-Type") == eventStream { // it may never end, so only its header is checked
		if err := v.check(r, resp, nil); err != nil {
			v.t.Errorf("%s %s answered %d, which openapi.yaml does not allow: %v", r.Method, r.URL.Path, resp.StatusCode, err)
		}
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	if closing := resp.Body.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err := v.check(r, resp, body); err != nil {
		v.t.Errorf("%s %s answered %d, which openapi.yaml does not allow: %v\n%.2000s", r.Method, r.URL.Path, resp.StatusCode, err, body)
	}
	return resp, nil
}

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

func (v *validator) check(r *http.Request, resp *http.Response, body []byte) error {
	if resp.Header.Get("X-Request-Id") == "" {
		return errors.New("no X-Request-Id")
	}
	route, params := v.find(r)
	if route == nil {
		return checkUnlisted(r, resp, body)
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 resp.StatusCode,
		Header:                 resp.Header,
		Options:                &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if r.Method == http.MethodHead {
		input.Options.ExcludeResponseBody = true
	}
	if media := resp.Header.Get("Content-Type"); !strings.HasPrefix(media, "application/json") {
		// The library can check JSON only. Of other answers the content type is checked.
		input.Options.ExcludeResponseBody = true
		if documented := route.Operation.Responses.Status(resp.StatusCode); documented != nil && (media != "" || len(documented.Value.Content) > 0) && documented.Value.Content.Get(media) == nil {
			return fmt.Errorf("content type %q", media)
		}
	}
	input.SetBodyBytes(body)
	return openapi3filter.ValidateResponse(r.Context(), input)
}

// find returns the operation of the request; nil if the document contains none.
func (v *validator) find(r *http.Request) (*routers.Route, map[string]string) {
	segments := strings.Split(r.URL.Path, "/")
	paths := v.doc.Paths.Map()
	for _, path := range fixedFirst(slices.Sorted(maps.Keys(paths))) {
		item := paths[path]
		params, ok := match(strings.Split(path, "/"), segments)
		operation := item.GetOperation(r.Method)
		if r.Method == http.MethodHead { // every route with GET answers HEAD too
			operation = item.Get
		}
		if ok && operation != nil {
			return &routers.Route{Spec: v.doc, Path: path, PathItem: item, Method: r.Method, Operation: operation}, params
		}
	}
	return nil, nil
}

// fixedFirst puts the paths without parameters first: as in the server, they win.
func fixedFirst(paths []string) []string {
	slices.SortStableFunc(paths, func(a, b string) int { return cmp.Compare(strings.Count(a, "{"), strings.Count(b, "{")) })
	return paths
}

func match(pattern, segments []string) (map[string]string, bool) {
	params := map[string]string{}
	return params, slices.EqualFunc(pattern, segments, func(want, got string) bool {
		if strings.HasPrefix(want, "{") {
			params[strings.Trim(want, "{}")] = got
			return true
		}
		return want == got
	})
}

// checkUnlisted checks the answer to a request that the document does not contain. The
// files of the page at /docs are the only exception.
func checkUnlisted(r *http.Request, resp *http.Response, body []byte) error {
	if strings.HasPrefix(r.URL.Path, "/docs/") && resp.StatusCode < http.StatusBadRequest {
		return nil
	}
	switch resp.StatusCode {
	case http.StatusNoContent:
		if r.Method == http.MethodOptions {
			return nil
		}
	case http.StatusBadRequest, http.StatusMisdirectedRequest, http.StatusNotFound: // a broken query string, a foreign host
		if r.Method == http.MethodHead {
			return nil
		}
		return checkEnvelope(r, resp, body)
	case http.StatusMethodNotAllowed:
		if resp.Header.Get("Allow") == "" {
			return errors.New("no Allow")
		}
		if r.Method == http.MethodHead {
			return nil
		}
		return checkEnvelope(r, resp, body)
	}
	return errors.New("the document does not contain this path or method, so the status must be 404 or 405")
}

func checkEnvelope(r *http.Request, resp *http.Response, body []byte) error {
	if media := resp.Header.Get("Content-Type"); media != "application/json" {
		return fmt.Errorf("content type %q", media)
	}
	var content map[string]any
	if err := json.Unmarshal(body, &content); err != nil {
		return err
	}
	fields := []string{"error"}
	switch {
	case strings.HasPrefix(r.URL.Path, "/v3/"), strings.HasPrefix(r.URL.Path, "/v4/"):
		fields = []string{"details", "error"}
	case strings.HasPrefix(r.URL.Path, "/v2/"):
		fields = []string{"error", "message", "statusCode"}
		if content["statusCode"] != float64(resp.StatusCode) {
			return errors.New("the statusCode in the error is not the status of the answer")
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(content)), fields) {
		return errors.New("the body does not have the fields of an error")
	}
	return nil
}
