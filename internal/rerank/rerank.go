// Package rerank scores how well passages answer a query. A model reads each passage together with the query, which
// is slower than search but orders the best passages better. The package has the Reranker interface and one
// implementation: a client for the `/rerank` route of Cohere and Jina, which llama.cpp, vLLM and
// text-embeddings-inference also have. It does not know where the passages come from or what the scores are used for.
package rerank

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/modelhttp"
)

// Reranker scores documents for a query; a higher score is better. Scores are finite numbers. They can be compared
// only within one answer.
//
// Rerank returns one score per document, in order. Errors are faults: Unavailable when a later attempt may succeed,
// Invalid when it will not, and Canceled when ctx ended. Rerank is safe for concurrent use.
type Reranker interface {
	Rerank(ctx context.Context, query string, documents []string) ([]float64, error)
}

// A caller waits for the search, and the passages already have an order without the reranker. So there is one
// attempt, and a pause after a failure.
const (
	DefaultTimeout = 3 * time.Second

	maxAnswer = 4 << 20 // bytes; some servers return the documents too
)

// Remote is a Reranker on a server.
type Remote struct {
	server *modelhttp.Server
	model  string
	// texts is set when the server refused `documents` and accepted `texts`, as text-embeddings-inference does.
	texts atomic.Bool
}

// NewRemote returns a client of a rerank server. It does not call the server yet. It returns an Invalid fault when
// URL or model is not usable.
func NewRemote(e modelhttp.Endpoint) (*Remote, error) {
	server, err := e.Server(modelhttp.Options{Name: "rerank server", Path: "rerank", Settings: "LETHE_RERANK", Timeout: DefaultTimeout, MaxAnswer: maxAnswer})
	if err != nil {
		return nil, err
	}
	return &Remote{server: server, model: e.Model}, nil
}

// question is a request in one of two forms: with documents or with texts.
type question struct {
	Model     string   `json:"model"`
	Query     string   `json:"query"`
	Documents []string `json:"documents,omitempty"`
	TopN      int      `json:"top_n,omitempty"`
	Texts     []string `json:"texts,omitempty"`
	Truncate  bool     `json:"truncate,omitempty"` // a passage that is too long for the model is cut, not refused
}

// Rerank scores all documents in one request. Without documents it sends no request.
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
	if common.Texts == nil && modelhttp.Refused(err, "texts") { // the error names the missing field
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
	Score     *float64 `json:"score"` // the field's name in text-embeddings-inference
}

// read returns the scores of an answer, which is a list, or an object with the list as `results` (`data` on some
// servers). Each document must have exactly one score.
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
		return nil, r.server.Broken("answered in an unknown form")
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
			return nil, r.server.Broken("answered a score that is not a number")
		}
		scores[*one.Index], scored[*one.Index] = *score, true
	}
	return scores, nil
}
