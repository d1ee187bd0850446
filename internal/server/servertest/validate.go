// Package servertest holds tests to the contract: a transport that checks every
// answer that passes through it against openapi.yaml. It is for tests only, of
// any package that talks to the service over HTTP.
package servertest

import (
	"bytes"
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

// Spec loads openapi.yaml and checks that it is a valid document, its examples
// included.
func Spec() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(lethe.OpenAPI)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation())
}

// reporter is the part of testing.TB that says what is wrong.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Validating returns a transport that sends requests through next (nil for the
// default one) and fails the test for each answer that openapi.yaml does not
// allow: an unknown status, another content type, a missing header, a body that
// does not fit its schema. Answers to paths and methods that the document does
// not have must be 404 or 405, or a preflight's 204, in their API's envelope. It is
// safe for concurrent use, but no longer than the test lasts.
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
		// The library reads JSON; of a page or a text only the label can be held to
		// the document.
		input.Options.ExcludeResponseBody = true
		if documented := route.Operation.Responses.Status(resp.StatusCode); documented != nil && documented.Value.Content.Get(media) == nil {
			return fmt.Errorf("content type %q", media)
		}
	}
	input.SetBodyBytes(body)
	return openapi3filter.ValidateResponse(r.Context(), input)
}

// find looks up the operation that the request is for; nil when there is none.
func (v *validator) find(r *http.Request) (*routers.Route, map[string]string) {
	segments := strings.Split(r.URL.Path, "/")
	for path, item := range v.doc.Paths.Map() {
		params, ok := match(strings.Split(path, "/"), segments)
		operation := item.GetOperation(r.Method)
		if r.Method == http.MethodHead { // answered wherever GET is
			operation = item.Get
		}
		if ok && operation != nil {
			return &routers.Route{Spec: v.doc, Path: path, PathItem: item, Method: r.Method, Operation: operation}, params
		}
	}
	return nil, nil
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

// checkUnlisted checks the answer to a request that the document knows nothing
// of. The documentation page's own files are the only exception.
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
	return errors.New("neither 404 nor 405, for a path or method that it does not have")
}

func checkEnvelope(r *http.Request, resp *http.Response, body []byte) error {
	if media := resp.Header.Get("Content-Type"); media != "application/json" {
		return fmt.Errorf("content type %q", media)
	}
	var said map[string]any
	if err := json.Unmarshal(body, &said); err != nil {
		return err
	}
	fields := []string{"error"}
	if strings.HasPrefix(r.URL.Path, "/v2/") {
		fields = []string{"error", "message", "statusCode"}
		if said["statusCode"] != float64(resp.StatusCode) {
			return errors.New("another status in the envelope")
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(said)), fields) {
		return errors.New("not the error envelope")
	}
	return nil
}
