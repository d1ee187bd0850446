// Package app puts the parts together and runs them: what is started in which
// order, and, more carefully, what is stopped in which order. It decides nothing
// else.
package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/embed/builtin"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/llm"
	"github.com/lethe-chat/lethe/internal/rerank"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/upkeep"
)

// Options are what an App is made of.
type Options struct {
	Config  config.Config
	Logger  *slog.Logger
	Version string
	// Embedder replaces the configured one; for tests that need to stop it midway.
	Embedder embed.Embedder
	// Lease is how long the indexing of a conversation waits for a worker that
	// died; the indexer's own when 0. For tests that kill the program.
	Lease time.Duration
	// BeforeWrite is called before each write of SQLite; for tests of a full disk.
	BeforeWrite func() error
}

// App is an opened service that does not listen yet.
type App struct {
	o       Options
	store   *store.Store
	history *history.History
	indexer *indexer.Indexer
	server  *server.Server
	upkeep  *upkeep.Upkeep

	localToken string // for the command line of this user; empty for none
}

// Started tells what a person needs to know of a service that has just started.
type Started struct {
	URL string
	// MetricsURL is the address of the figures, when they have one of their own.
	MetricsURL string
	FirstKey   string // the key minted because there was none; shown this once, else empty
	Local      bool   // this user's command line finds the service by itself
}

// databaseFile is the embedded database inside the data directory.
const databaseFile = "lethe.db"

// Purpose is what a database is opened for.
type Purpose int

// What a database is opened for.
const (
	ToLook  Purpose = iota // it must exist
	ToBegin                // it is made when it is missing
	ToServe                // also, room on the disk is kept for deletes
)

// deleteReserve is how much of an SQLite file's disk is kept for deletes: enough for
// some hundred conversations at once.
const deleteReserve = 16 << 20

// OpenStore opens the configured database and brings its schema up to date. NotFound
// when there is none and the purpose needs one.
func OpenStore(ctx context.Context, c config.Config, logger *slog.Logger, purpose Purpose) (*store.Store, error) {
	return openStore(ctx, c, purpose, store.Options{Logger: logger})
}

func openStore(ctx context.Context, c config.Config, purpose Purpose, o store.Options) (*store.Store, error) {
	o.MustExist = purpose == ToLook
	if c.DatabaseURL != "" {
		o.URL = c.DatabaseURL.Reveal()
		return store.Open(ctx, o)
	}
	o.Path = filepath.Join(c.DataDir, databaseFile)
	if purpose == ToServe {
		o.Reserve = deleteReserve
	}
	return store.Open(ctx, o)
}

// New opens the store and wires the parts. Close releases what it opened.
func New(ctx context.Context, o Options) (*App, error) {
	embedder := o.Embedder
	if embedder == nil {
		var err error
		if embedder, err = newEmbedder(o.Config); err != nil {
			return nil, err
		}
	}
	reranker, err := newReranker(o.Config)
	if err != nil {
		return nil, err
	}
	writer, err := newWriter(o.Config)
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, o.Config, ToServe, store.Options{Logger: o.Logger, BeforeWrite: o.BeforeWrite})
	if err != nil {
		return nil, err
	}
	a := &App{o: o, store: s, localToken: localToken(o.Config.RuntimeDir)}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lethe_vector_code_bytes", Help: "Memory that holds codes of the vectors of large workspaces.",
		}, func() float64 { return float64(s.CodeBytes()) }))
	a.indexer = indexer.New(indexer.Options{
		Store: s, Embedder: embedder, Logger: o.Logger, Workers: o.Config.Workers, Metrics: metrics,
		Lease: o.Lease, MaxTokens: o.Config.MaxTokens, Settings: embeddingSettings(o.Config),
	})
	a.upkeep = upkeep.New(upkeep.Options{Store: s, Logger: o.Logger, Metrics: metrics})
	a.history = history.New(history.Options{
		Store: s, Embedder: embedder, Wake: a.indexer.Wake, Deleted: a.upkeep.Deleted, Reclaim: a.upkeep.Reclaim, APIKey: o.Config.APIKey.Reveal(),
		Reranker: reranker, Writer: writer, Logger: o.Logger, Metrics: metrics,
		LocalToken:    a.localToken,
		RatePerSecond: o.Config.RatePerSecond, Burst: o.Config.RateBurst,
	})
	a.server = server.New(server.Options{ //nolint:contextcheck // each request brings its own
		History: a.history, Logger: o.Logger, CORSOrigins: o.Config.CORSOrigins, Hosts: hosts(o.Config),
		Version: o.Version, Metrics: metrics, Prove: prover(a.localToken), Budget: newBudget(o.Config, metrics), MetricsApart: o.Config.MetricsAddr != "",
	})
	return a, nil
}

// embeddingSettings is a sum of what decides which texts can be embedded. No secret
// is in it.
func embeddingSettings(c config.Config) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", c.Embedder, c.EmbeddingsURL, c.EmbeddingsModel, c.MaxTokens))
	return hex.EncodeToString(sum[:8])
}

func newEmbedder(c config.Config) (embed.Embedder, error) {
	switch c.Embedder {
	case config.EmbedderBuiltin:
		return builtin.New(), nil
	case config.EmbedderOpenAI:
		return embed.NewOpenAI(embed.OpenAIOptions{URL: c.EmbeddingsURL, Model: c.EmbeddingsModel, APIKey: c.EmbeddingsAPIKey.Reveal()})
	case config.EmbedderNone:
		return embed.NewNone(), nil
	case config.EmbedderHash:
		return embed.NewHash(), nil
	default:
		return nil, fault.Invalidf("LETHE_EMBEDDER names no embedder of this version: %q", c.Embedder)
	}
}

// newReranker returns nil when none is configured.
func newReranker(c config.Config) (rerank.Reranker, error) {
	if c.RerankURL == "" {
		return nil, nil
	}
	r, err := rerank.NewRemote(rerank.Options{URL: c.RerankURL, Model: c.RerankModel, APIKey: c.RerankAPIKey.Reveal()})
	if err != nil {
		return nil, err // not r: a nil *Remote is no nil Reranker
	}
	return r, nil
}

// newWriter returns nil when none is configured.
func newWriter(c config.Config) (llm.Writer, error) {
	if c.LLMURL == "" {
		return nil, nil
	}
	w, err := llm.NewRemote(llm.Options{URL: c.LLMURL, Model: c.LLMModel, APIKey: c.LLMAPIKey.Reveal()})
	if err != nil {
		return nil, err // not w: a nil *Remote is no nil Writer
	}
	return w, nil
}

// hosts are the names under which the service may be asked: on loopback
// loopback's own, so that a web page cannot reach it under a name of its choice
// (DNS rebinding), and what the configuration lists; elsewhere any, unless the
// configuration lists some. This machine may always ask, as `lethe health` does.
func hosts(c config.Config) []string {
	if len(c.Hosts) == 0 && !c.Loopback() {
		return nil
	}
	return append([]string{"localhost", "127.0.0.1", "::1"}, c.Hosts...)
}

// Close releases the store of an App that was never run, or has stopped.
func (a *App) Close() error {
	a.history.Close()
	return a.store.Close()
}

// keyUsageEvery is how often the use of keys is written down.
const keyUsageEvery = time.Minute

// Run listens, serves and indexes until ctx ends, then stops in order. started
// is called once, when requests are being answered.
func (a *App) Run(ctx context.Context, started func(Started)) error {
	first, err := a.firstKey(ctx)
	if err != nil {
		return err
	}
	if err := a.indexer.Adopt(ctx); err != nil { // before anybody asks how far a change of model is
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.o.Config.Addr)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "cannot listen on %s; is another program using it? LETHE_ADDR names another address", a.o.Config.Addr)
	}
	soft, stopSoft := context.WithCancel(context.WithoutCancel(ctx))
	hard, stopHard := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHard()
	defer stopSoft()
	var background sync.WaitGroup
	background.Go(func() { a.indexer.Run(soft, hard) })
	background.Go(func() { a.flushKeyUsage(soft) })
	background.Go(func() { a.upkeep.Run(soft) })

	figures, err := a.serveMetrics(ctx)
	if err != nil {
		stopSoft()
		background.Wait()
		return errors.Join(err, listener.Close())
	}
	defer figures.close()
	httpServer := a.server.HTTPServer(a.o.Config.Addr)
	served := make(chan error, 1)
	go func() { served <- httpServer.Serve(a.server.Listener(listener)) }()
	a.server.SetReady(true)
	announced := a.announce(ctx, listener.Addr())
	started(Started{URL: "http://" + listener.Addr().String(), MetricsURL: figures.url, FirstKey: first, Local: announced.File != ""})

	select {
	case err = <-served:
	case <-ctx.Done():
	}
	a.withdraw(ctx, announced)
	if err == nil {
		err = a.drain(served)
	}
	return errors.Join(err, a.stop(context.WithoutCancel(ctx), httpServer, stopSoft, stopHard, &background))
}

// drain says that the service takes no more requests, and takes them for the
// configured time: load balancers need it to notice. It ends early when nothing
// can be answered any more, and returns why.
func (a *App) drain(served <-chan error) error {
	a.server.SetReady(false)
	delay := a.o.Config.ShutdownDelay
	if delay <= 0 {
		return nil
	}
	a.o.Logger.Info("stopping: not ready any more, and still answering for a while", "delay", delay)
	select {
	case <-time.After(delay):
		return nil
	case err := <-served:
		return err
	}
}

// stop ends the parts one after the other, each with the reason why it comes
// where it does. The context is one that has not ended.
func (a *App) stop(ctx context.Context, httpServer *http.Server, stopSoft, stopHard context.CancelFunc, background *sync.WaitGroup) error {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, a.o.Config.ShutdownTimeout)
	defer cancel()
	a.server.SetReady(false) // 1. load balancers have been told (drain), whatever ended the service
	stopSoft()               // 2. workers begin nothing new, while
	err := httpServer.Shutdown(ctx)
	if err != nil { // 3. answers under way are finished, or cut off when time is up
		err = errors.Join(fmt.Errorf("some requests were cut off: %w", err), httpServer.Close())
	}
	done := make(chan struct{})
	go func() { background.Wait(); close(done) }()
	select { // 4. workers finish what they hold,
	case <-done:
	case <-ctx.Done():
		stopHard() // or give it back to the queue
		<-done
	}
	return errors.Join(err, a.finalFlush(whole)) // 5. the store is closed last, by Close
}

func (a *App) finalFlush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.o.Config.ShutdownTimeout)
	defer cancel()
	return a.history.FlushKeyUsage(ctx)
}

func (a *App) flushKeyUsage(ctx context.Context) {
	ticker := time.NewTicker(keyUsageEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := a.history.FlushKeyUsage(ctx); err != nil && ctx.Err() == nil {
				a.o.Logger.Warn("the use of keys was not written down; it will be tried again", "error", err)
			}
		}
	}
}

// firstKey mints a key when nobody could use the service otherwise: none is
// configured and none was ever made.
func (a *App) firstKey(ctx context.Context) (string, error) {
	if a.o.Config.APIKey != "" {
		return "", nil
	}
	if made, err := a.history.HasKeys(ctx); err != nil || made {
		return "", err
	}
	administration, err := a.history.Administer(auth.Operator(0))
	if err != nil {
		return "", err
	}
	_, token, err := administration.CreateKey(ctx, chat.DefaultWorkspace, "first start", []auth.Scope{auth.Read, auth.Write})
	return token, err
}
