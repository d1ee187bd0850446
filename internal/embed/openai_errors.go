package embed

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/lethe-chat/lethe/internal/fault"
)

// errTooLarge marks a refusal for size, and errAnswerTooLong an answer over our
// own limit.
var (
	errTooLarge      = errors.New("input too large")
	errAnswerTooLong = errors.New("answer too long")
)

func isTooLarge(err error) bool { return errors.Is(err, errTooLarge) }

// explain turns what the client said into a fault with a reason of our own, and
// says whether asking again may help. Neither the server's words nor the
// client's error go into the fault: both can quote the text or the address.
func (e *openAI) explain(err error, status int) (refusal error, again bool) {
	if status == 0 {
		if errors.Is(err, context.DeadlineExceeded) {
			return e.unavailable("did not answer within %s", e.options.Timeout), true
		}
		return e.unavailable("cannot be reached; check that it runs and that %s is right", settingURL), true
	}
	if status < http.StatusBadRequest {
		return e.explainBody(err)
	}
	return e.explainStatus(err, status)
}

// explainBody is for an answer that came, with a good status, and cannot be read.
func (e *openAI) explainBody(err error) (refusal error, again bool) {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return e.unavailable("did not answer within %s", e.options.Timeout), true
	case errors.Is(err, errAnswerTooLong):
		return e.broken("answered more than %d bytes", e.maxAnswer), false
	case errors.Is(err, io.ErrUnexpectedEOF):
		return e.unavailable("broke off in the middle of its answer"), true
	case errors.As(err, &syntax):
		return e.broken("answered something that is not JSON"), false
	case strings.Contains(err.Error(), "content-type"):
		return e.broken("answered a page where JSON was expected; check %s, which usually ends in /v1", settingURL), false
	default:
		return e.unavailable("closed the connection while answering"), true
	}
}

func (e *openAI) explainStatus(err error, status int) (refusal error, again bool) {
	if status == http.StatusRequestEntityTooLarge || saysTooLarge(err) {
		return fault.Wrap(fault.Invalid, errTooLarge,
			"the embeddings server %s finds the text too long for %s; use a model that reads longer texts", e.host, e.model), false
	}
	switch {
	case status == http.StatusTooManyRequests:
		return e.unavailable("asks for fewer requests, or its quota is used up (429)"), true
	case status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		return e.unavailable("has a problem of its own (%d)", status), true
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return e.broken("refuses the key (%d); set %s to one that it accepts", status, settingAPIKey), false
	case status == http.StatusNotFound:
		return e.broken("knows no model %q, or has no embeddings there (404); check %s and %s", e.model, settingModel, settingURL), false
	default:
		return e.broken("refuses the request (%d); check %s and %s", status, settingModel, settingURL), false
	}
}

// saysTooLarge recognizes how the common servers refuse a text or a batch for
// its size; the statuses they use for it differ (400, 413, 422, 500).
func saysTooLarge(err error) bool {
	var refused *openai.Error
	if !errors.As(err, &refused) {
		return false
	}
	said := strings.ToLower(refused.Code + " " + refused.Type + " " + refused.Message)
	for _, sign := range []string{
		"context length", "context_length", "context size", "context_size", "too large", "too long",
		"must have less than", "maximum allowed batch", "max_tokens_per_request", "input length exceeds",
	} {
		if strings.Contains(said, sign) {
			return true
		}
	}
	return false
}

// limitAnswer keeps a broken server from filling our memory: the client reads
// whole answers.
func (e *openAI) limitAnswer(request *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	response, err := next(request)
	if err == nil && response.Body != nil {
		response.Body = &limitedBody{ReadCloser: response.Body, left: e.maxAnswer}
	}
	return response, err
}

// limitedBody fails, where io.LimitReader would end, so that an answer cut by us
// is not taken for one that broke off.
type limitedBody struct {
	io.ReadCloser
	left int64
}

// Read returns errAnswerTooLong once more than the limit was read.
func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, errAnswerTooLong
	}
	return n, err
}
