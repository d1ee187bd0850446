// Package rerank scores passages by how well they answer a query, read together
// with it: slower than search and better at the top of the list. It owns the
// Reranker interface and the one behind it, a server with the `/rerank` of Cohere
// and Jina, which llama.cpp, vLLM and text-embeddings-inference have too. It knows
// nothing of stores or requests, nor what becomes of the scores.
package rerank

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/modelhttp"
)

// Reranker scores documents for a query; more is better. Scores are finite
// numbers that mean nothing outside of one answer.
//
// Rerank returns one score a document, in order. Errors are faults: Unavailable
// when trying again later may help, Invalid when it will not, and Canceled when
// ctx ended. Rerank is safe for concurrent use.
type Reranker interface {
	Rerank(ctx context.Context, query string, documents []string) ([]float64, error)
}

// Limits of asking. Somebody waits for the search, which has an order without us:
// so there is one attempt, and after a failure a pause.
const (
	DefaultTimeout = 3 * time.Second
	DefaultRest    = 15 * time.Second

	maxAnswer = 4 << 20 // bytes; some servers send the documents back
)

// Options say which server to ask.
type Options struct {
	URL        string        // the base of the API, as in "http://localhost:8080/v1"
	Model      string        // the server's name of the model
	APIKey     string        // empty for servers that ask for none
	Timeout    time.Duration // DefaultTimeout when 0
	Rest       time.Duration // how long it is left alone after a failure; DefaultRest when 0
	HTTPClient *http.Client
}

// Remote is a Reranker behind an address.
type Remote struct {
	server *modelhttp.Server
	model  string
	// texts is set when the server has refused `documents` and taken `texts`, as
	// text-embeddings-inference does.
	texts atomic.Bool
}

// NewRemote returns a reranker that asks a server. It asks nothing yet. It
// returns an Invalid fault when URL or model cannot be meant.
func NewRemote(o Options) (*Remote, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Rest <= 0 {
		o.Rest = DefaultRest
	}
	server, err := modelhttp.New(modelhttp.Options{
		Name: "rerank server", URL: o.URL, Path: "rerank", Model: o.Model, APIKey: o.APIKey,
		Settings: "LETHE_RERANK",
		Timeout:  o.Timeout, Rest: o.Rest, MaxAnswer: maxAnswer, HTTPClient: o.HTTPClient,
	})
	if err != nil {
		return nil, err
	}
	return &Remote{server: server, model: o.Model}, nil
}

// question is the request in its two forms: with documents, or with texts.
type question struct {
	Model     string   `json:"model"`
	Query     string   `json:"query"`
	Documents []string `json:"documents,omitempty"`
	TopN      int      `json:"top_n,omitempty"`
	Texts     []string `json:"texts,omitempty"`
	Truncate  bool     `json:"truncate,omitempty"` // a passage over the model's limit is read in part, not refused
}

// Rerank asks for the scores of all documents at once. Of no documents it asks
// nothing.
func (r *Remote) Rerank(ctx context.Context, query string, documents []string) ([]float64, error) {
	if len(documents) == 0 {
		return nil, nil
	}
	common := question{Model: r.model, Query: query, Documents: documents, TopN: len(documents)}
	texts := question{Model: r.model, Query: query, Texts: documents, Truncate: true}
	if r.texts.Load() {
		common = texts
	}
	answer, err := r.server.Ask(ctx, common)
	if common.Texts == nil && modelhttp.Refused(err, "texts") { // it says which field it misses
		if answer, err = r.server.Ask(ctx, texts); err == nil {
			r.texts.Store(true)
		}
	}
	if err != nil {
		return nil, err
	}
	return r.read(answer, len(documents))
}

type result struct {
	Index     *int     `json:"index"`
	Relevance *float64 `json:"relevance_score"`
	Score     *float64 `json:"score"` // its name in text-embeddings-inference
}

// read takes the scores out of an answer: a list, or an object with the list as
// `results` (`data` on some servers). Each document must have one score.
func (r *Remote) read(answer json.RawMessage, want int) ([]float64, error) {
	var whole struct {
		Results []result `json:"results"`
		Data    []result `json:"data"`
	}
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(answer), []byte("[")) {
		err = json.Unmarshal(answer, &whole.Results)
	} else {
		err = json.Unmarshal(answer, &whole)
	}
	if err != nil {
		return nil, r.server.Broken("answered scores in a form that is not known")
	}
	list := whole.Results
	if list == nil {
		list = whole.Data
	}
	if len(list) != want {
		return nil, r.server.Broken("answered %d scores for %d passages", len(list), want)
	}
	scores, scored := make([]float64, want), make([]bool, want)
	for _, one := range list {
		if one.Index == nil || *one.Index < 0 || *one.Index >= want || scored[*one.Index] {
			return nil, r.server.Broken("numbered its scores wrongly")
		}
		score := one.Relevance
		if score == nil {
			score = one.Score
		}
		if score == nil || math.IsNaN(*score) || math.IsInf(*score, 0) {
			return nil, r.server.Broken("answered a score that is no number")
		}
		scores[*one.Index], scored[*one.Index] = *score, true
	}
	return scores, nil
}
