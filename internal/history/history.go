// Package history is the front door to the chat history: ingest, list, read, edit, delete, search, recall, keys.
// Every transport calls it, so its rules apply to all of them. The packages search and recall do the searching and
// writing; this package checks scope, rate and deadline before it calls them. It knows no HTTP and no SQL.
//
// It has three entries. As gives a caller access to its workspace, limited by its scopes. Administer gives the
// operator access to keys and workspaces. service.go has what the service itself needs; requests of callers do not
// reach it.
package history

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/breaker"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/events"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/llm"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/rerank"
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/store"
)

// History serves all workspaces of one store. It is safe for concurrent use.
type History struct {
	store    *store.Store
	embedder embed.Embedder
	now      func() time.Time
	wake     func(chat.WorkspaceID)
	deleted  func()
	reclaim  func(context.Context) error
	usage    usage
	static   staticKey
	local    staticKey
	codes    pageCodes
	keys     runningKeys // idempotency keys

	search   *search.Searcher
	recall   *recall.Recaller
	limiter  *rateLimiter
	patience time.Duration
	log      *slog.Logger
	parts    chat.PartLimits

	events     *events.Bus
	heartbeat  time.Duration // of a watch
	unrecorded unrecorded    // ends of imports
	importing  sync.Map      // the running *Importing values
}

// Options are the parts that a History uses.
type Options struct {
	Store    *store.Store
	Embedder embed.Embedder   // for queries; the indexer has its own for passages
	Now      func() time.Time // the clock; time.Now when nil
	// Wake is called after a commit with work for the indexer in a workspace, or in any if it is 0; may be nil.
	Wake    func(chat.WorkspaceID)
	Deleted func() // called after a commit with storage to reclaim; may be nil

	// Reclaim reclaims the storage of all deletes so far for a waiting caller. It returns
	// Canceled when the service is stopping. When nil, the caller reclaims it itself.
	Reclaim func(context.Context) error

	Events    *events.Bus   // changes are published here; nil for a private bus
	Heartbeat time.Duration // how often a watch yields when nothing changes; DefaultHeartbeat when 0

	APIKey     string // a token accepted for the workspace `default` with every scope; may be empty
	LocalToken string // another such token, accepted only by AuthenticateLocal; may be empty

	Reranker rerank.Reranker      // orders the best hits of a search; nil for none
	Writer   llm.Writer           // writes digests; without one, passages are quoted
	Logger   *slog.Logger         // nothing is logged when nil
	Metrics  *prometheus.Registry // nothing is counted when nil

	Zone          *time.Location  // of the people who search, for the days in questions and digests; UTC when nil
	QueryPatience time.Duration   // how long a search waits for the vector of its query; search.DefaultQueryPatience when 0
	Trials        breaker.Options // when an embedder that did not answer a query is tried again; for tests

	RatePerSecond float64       // requests per second and key; 0 for no limit
	Burst         int           // how many requests may come at once; at least 1
	Patience      time.Duration // time limit of an operation, longer for deletes; DefaultPatience when 0

	Parts chat.PartLimits // for conversations of files; chat.DefaultPartLimits when 0
}

// waking and deleting also publish an event without content. Listeners read the new state themselves.
func (o Options) waking() func(chat.WorkspaceID) {
	return func(ws chat.WorkspaceID) {
		o.Wake(ws)
		o.Events.Publish(events.Everywhere)
	}
}

func (o Options) deleting() func() {
	return func() {
		o.Deleted()
		o.Events.Publish(events.Everywhere)
	}
}

// New returns the front door to a store.
func New(o Options) *History {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wake == nil {
		o.Wake = func(chat.WorkspaceID) {}
	}
	if o.Deleted == nil {
		o.Deleted = func() {}
	}
	if o.Reclaim == nil {
		o.Reclaim = func(ctx context.Context) error {
			return o.Store.Exclusively(ctx, func(ctx context.Context) error {
				_, err := o.Store.Reclaim(ctx, store.Reclaiming{})
				return err
			})
		}
	}
	if o.Events == nil {
		o.Events = &events.Bus{}
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = DefaultHeartbeat
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Parts == (chat.PartLimits{}) {
		o.Parts = chat.DefaultPartLimits()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &History{
		store: o.Store, embedder: o.Embedder, now: o.Now, wake: o.waking(), deleted: o.deleting(), reclaim: o.Reclaim,
		limiter: newRateLimiter(o.RatePerSecond, o.Burst, o.Now), patience: o.Patience, log: o.Logger, events: o.Events, heartbeat: o.Heartbeat, parts: o.Parts,
	}
	h.search = search.New(search.Options{
		Store: o.Store, Embedder: o.Embedder, Reranker: o.Reranker, Logger: o.Logger, Metrics: o.Metrics,
		QueryPatience: o.QueryPatience, Trials: o.Trials, Zone: o.Zone,
	})
	h.recall = recall.New(recall.Options{Search: h.search, Writer: o.Writer, Zone: o.Zone, Logger: o.Logger, Metrics: o.Metrics})
	h.usage.minutes = make(map[keyUse]time.Time)
	h.static.set(o.APIKey)
	h.local.set(o.LocalToken)
	return h
}

// Close ends the background calls that test whether a failed embedder answers again. The store stays open.
func (h *History) Close() { h.search.Close() }

// importByID is Access.Import.
func (h *History) importByID(ctx context.Context, ws chat.WorkspaceID, id string) (i chat.Import, err error) {
	id, ok := chat.ParseID(id)
	if !ok {
		return chat.Import{}, fault.Missing("import")
	}
	err = h.store.Snapshot(ctx, func(v *store.View) error {
		i, err = v.Import(ws, id)
		return err
	})
	return i, err
}

// count is Access.Count.
func (h *History) count(ctx context.Context, ws chat.WorkspaceID) (int, error) {
	return h.store.View(ctx).Count(ws)
}

// stats is Access.Stats.
func (h *History) stats(ctx context.Context, ws chat.WorkspaceID) (s chat.Stats, err error) {
	err = h.store.Snapshot(ctx, func(v *store.View) error {
		if s, err = v.Stats(ws); err != nil {
			return err
		}
		model := h.embedder.Model()
		s.Embedding.Lost = h.search.LostLeg()
		s.VectorSearch, err = v.VectorSearch(ws, model.ID, model.Dimensions)
		return err
	})
	return s, err
}

// edit is Access.Edit.
func (h *History) edit(ctx context.Context, ws chat.WorkspaceID, id chat.ConversationID, e chat.Edit) (c chat.Conversation, err error) {
	if e.Title == nil && e.Pinned == nil {
		return chat.Conversation{}, fault.Breaks(fault.Path{}, "nothing to change: give %s, %s or both", fault.At("title"), fault.At("pinned"))
	}
	if e.Title != nil {
		title := chat.CleanTitle(*e.Title)
		if title == "" {
			return chat.Conversation{}, fault.Breaks(fault.At("title"), "must not be blank")
		}
		e.Title = &title
	}
	id, err = knownID(id)
	if err != nil {
		return chat.Conversation{}, err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		c, err = tx.EditConversation(ws, id, e)
		return err
	})
	if err == nil && c.IndexState == chat.Queued {
		h.wake(ws)
	}
	return c, err
}

// knownID returns an id in canonical form. An id that Lethe cannot have assigned is NotFound, like an id of another
// workspace.
func knownID(id chat.ConversationID) (chat.ConversationID, error) {
	canonical, ok := chat.ParseID(id)
	if !ok {
		return "", fault.Missing("conversation")
	}
	return canonical, nil
}
