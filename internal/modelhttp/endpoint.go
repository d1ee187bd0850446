package modelhttp

import (
	"cmp"
	"net/http"
	"time"
)

// DefaultRest is how long a server that a request waits for is not asked after a failure.
const DefaultRest = 15 * time.Second

// Endpoint says which server an operator has configured.
type Endpoint struct {
	URL        string        // base URL of the API, such as "http://localhost:11434/v1"
	Model      string        // the server's name of the model
	APIKey     string        // empty for servers that need none
	Timeout    time.Duration // of one attempt; 0 for the default of the kind of server
	Rest       time.Duration // how long it is not asked after a failure; DefaultRest when 0
	HTTPClient *http.Client  // nil for a new one
}

// Server returns the Server at the endpoint. o says what is asked there; its Timeout is
// the default. It sends nothing yet. It returns an Invalid fault when the URL or the model
// is not valid.
func (e Endpoint) Server(o Options) (*Server, error) {
	o.URL, o.Model, o.APIKey, o.HTTPClient = e.URL, e.Model, e.APIKey, e.HTTPClient
	o.Timeout, o.Rest = cmp.Or(max(e.Timeout, 0), o.Timeout), cmp.Or(max(e.Rest, 0), DefaultRest)
	return New(o)
}
