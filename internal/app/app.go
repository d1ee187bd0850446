// Package app wires the parts together, starts them, and stops them in the right
// order. It decides nothing else.
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
	"github.com/lethe-chat/lethe/internal/imports"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/ledger"
	"github.com/lethe-chat/lethe/internal/llm"
	"github.com/lethe-chat/lethe/internal/modelhttp"
	"github.com/lethe-chat/lethe/internal/rerank"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/upkeep"
)

// Options configure an App.
type Options struct {
	Config  config.Config
	Logger  *slog.Logger
	Version string
	// Embedder replaces the configured one; for tests that must pause it.
	Embedder embed.Embedder
	// Lease is how long a conversation stays claimed by a worker that crashed; 0 for the
	// indexer's default. For tests that kill the program.
	Lease time.Duration
	// Grace is how long the embedder may still answer the indexer after a stop; the
	// indexer's own when 0. For tests.
	Grace time.Duration
	// BeforeWrite is called before each write of SQLite; for tests of a full disk.
	BeforeWrite func() error
}

// App is an opened service that does not listen yet.
type App struct {
	o       Options
	store   *store.Store
	history *history.History
	indexer *indexer.Indexer
	imports *imports.Importer
	server  *server.Server
	upkeep  *upkeep.Upkeep
	ledger  *ledger.Ledger // nil when none is configured

	localToken string // for this user's command line; empty if it gets none
}

// Started describes a service that has just started, for people.
type Started struct {
	URL string
	// PageURL opens the page, signed in, once and within five minutes, in a browser on this
	// machine; empty where the command line does not find the service either.
	PageURL string
	// MetricsURL is the address of the metrics; empty when they are served beside the API.
	MetricsURL string
	FirstKey   string // the key created because none existed, shown only once; otherwise empty
	Local      bool   // whether this user's command line finds the service without address and key
}

// databaseFile is the name of the SQLite file in the data directory.
const databaseFile = "lethe.db"

// Purpose says what a database is opened for.
type Purpose int

// The purposes of opening a database.
const (
	ToLook  Purpose = iota // the database must exist
	ToBegin                // it is created if it does not exist
	ToServe                // as ToBegin, and disk space is reserved for deletes
)

// deleteReserve is how many bytes of an SQLite file's disk are reserved for deletes:
// enough to delete some hundred conversations at once.
const deleteReserve = 16 << 20

// OpenStore opens the configured database and migrates its schema. It returns NotFound
// if the database does not exist and the purpose is ToLook.
//
// Deletes are added to the configured ledger, if it can be reached; a service adds them later if not.
func OpenStore(ctx context.Context, c config.Config, logger *slog.Logger, purpose Purpose) (*store.Store, error) {
	s, _, err := OpenWithLedger(ctx, c, logger, purpose)
	return s, err
}

// OpenWithLedger is OpenStore, and returns the configured ledger too; nil when none is configured. The
// ledger is not opened, so the database may have chats that were deleted after a backup.
func OpenWithLedger(ctx context.Context, c config.Config, logger *slog.Logger, purpose Purpose) (*store.Store, *ledger.Ledger, error) {
	s, err := openStore(ctx, c, purpose, store.Options{Logger: logger})
	if err != nil {
		return nil, nil, err
	}
	l, err := newLedger(c, s, logger, nil)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, l, nil
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

// New opens the store and wires the parts. Call Close to release them.
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
			Name: "lethe_vector_code_bytes", Help: "Bytes of memory that hold the codes of the vectors of large workspaces.",
		}, func() float64 { return float64(s.CodeBytes()) }))
	a.indexer = indexer.New(indexer.Options{
		Store: s, Embedder: embedder, Logger: o.Logger, Workers: o.Config.Workers, Metrics: metrics,
		Lease: o.Lease, Grace: o.Grace, MaxTokens: o.Config.MaxTokens, Settings: embeddingSettings(o.Config),
	})
	a.upkeep = upkeep.New(upkeep.Options{Store: s, Logger: o.Logger, Metrics: metrics})
	if a.ledger, err = newLedger(o.Config, s, o.Logger, a.upkeep.Deleted); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	a.history = history.New(history.Options{
		Store: s, Embedder: embedder, Wake: a.indexer.WakeIn, Deleted: a.upkeep.Deleted, Reclaim: a.upkeep.Reclaim, APIKey: o.Config.APIKey.Reveal(),
		Reranker: reranker, Writer: writer, Logger: o.Logger, Metrics: metrics,
		LocalToken: a.localToken, Zone: o.Config.Zone(),
		RatePerSecond: o.Config.RatePerSecond, Burst: o.Config.RateBurst,
	})
	a.imports = imports.New(imports.Options{History: a.history, Folder: importFolder(o.Config), Logger: o.Logger})
	a.server = server.New(server.Options{ //nolint:contextcheck // each request has its own context
		History: a.history, Imports: a.imports, Logger: o.Logger, CORSOrigins: o.Config.CORSOrigins, SenderStyle: auth.SenderStyle(o.Config.SenderStyle), Hosts: hosts(o.Config),
		Version: o.Version, Metrics: metrics, Prove: prover(a.localToken), Budget: newBudget(o.Config, metrics), MetricsApart: o.Config.MetricsAddr != "",
	})
	return a, nil
}

// importFolder returns the folder for files while they are imported.
func importFolder(c config.Config) string {
	if c.ImportDir != "" || c.DataDir == "" {
		return c.ImportDir
	}
	return filepath.Join(c.DataDir, "imports")
}

// embeddingSettings is a hash of the settings that decide which texts can be embedded.
// It contains no secret.
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
		return nil, fault.Invalidf("LETHE_EMBEDDER must be an embedder of this version; %q is not", c.Embedder)
	}
}

// newReranker returns nil if none is configured.
func newReranker(c config.Config) (rerank.Reranker, error) {
	if c.RerankURL == "" {
		return nil, nil
	}
	r, err := rerank.NewRemote(modelhttp.Endpoint{URL: c.RerankURL, Model: c.RerankModel, APIKey: c.RerankAPIKey.Reveal()})
	if err != nil {
		return nil, err // not r: a Reranker that holds a nil *Remote is not nil
	}
	return r, nil
}

// newWriter returns nil if none is configured.
func newWriter(c config.Config) (llm.Writer, error) {
	if c.LLMURL == "" {
		return nil, nil
	}
	w, err := llm.NewRemote(modelhttp.Endpoint{URL: c.LLMURL, Model: c.LLMModel, APIKey: c.LLMAPIKey.Reveal()})
	if err != nil {
		return nil, err // not w: a Writer that holds a nil *Remote is not nil
	}
	return w, nil
}

// hosts returns the host names that the service answers to; nil for any. On loopback
// these are loopback's own names and the configured ones, so that a web page cannot
// reach the service under a name of its own (DNS rebinding). On other addresses they are
// any, unless some are configured. Loopback's names always work, for `lethe health`.
func hosts(c config.Config) []string {
	if len(c.Hosts) == 0 && !c.Loopback() {
		return nil
	}
	return append([]string{"localhost", "127.0.0.1", "::1"}, c.Hosts...)
}

// Close closes the store. Call it after Run has returned, or instead of Run.
func (a *App) Close() error {
	a.history.Close()
	return a.store.Close()
}

// keyUsageEvery is how often the last use of keys is stored.
const keyUsageEvery = time.Minute

// Run serves and indexes until ctx ends, then stops the parts in order. It calls
// started once, when the service answers requests.
func (a *App) Run(ctx context.Context, started func(Started)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.o.Config.Addr)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "cannot listen on %s; is another program using it? LETHE_ADDR names another address", a.o.Config.Addr)
	}
	a.server.Refuse(func() string { return "the service is starting" })
	httpServer := a.server.HTTPServer(a.o.Config.Addr)
	served := make(chan error, 1)
	go func() { served <- httpServer.Serve(a.server.Listener(listener)) }()
	first, err := a.open(ctx)
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, httpServer.Close())
	}
	a.server.Refuse(nil)
	soft, stopSoft := context.WithCancel(context.WithoutCancel(ctx))
	hard, stopHard := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHard()
	defer stopSoft()
	var background sync.WaitGroup
	background.Go(func() { a.indexer.Run(soft, hard) })
	background.Go(func() { a.flushKeyUsage(soft) })
	background.Go(func() { a.upkeep.Run(soft) })
	background.Go(func() { a.imports.Run(soft) })
	if a.ledger != nil {
		background.Go(func() { a.ledger.Run(soft) })
	}

	metrics, err := a.serveMetrics(ctx)
	if err != nil {
		stopSoft()
		background.Wait()
		return errors.Join(err, httpServer.Close())
	}
	defer metrics.close()
	a.server.SetReady(true)
	announced := a.announce(ctx, listener.Addr())
	started(Started{URL: "http://" + listener.Addr().String(), PageURL: a.pageURL(ctx, announced), MetricsURL: metrics.url, FirstKey: first, Local: announced.File != ""})

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

// open does what must be done before a request is answered. It returns the first key's token, or an
// empty string.
func (a *App) open(ctx context.Context) (first string, err error) {
	if err := a.awaitLedger(ctx); err != nil || ctx.Err() != nil {
		return "", err
	}
	if first, err = a.firstKey(ctx); err != nil {
		return "", err
	}
	return first, a.indexer.Adopt(ctx) // before a request asks for the progress of a change of the model
}

// drain reports the service as not ready, and goes on answering requests for the
// configured time, because load balancers need time to notice. It returns early, with
// the error, if the server fails meanwhile.
func (a *App) drain(served <-chan error) error {
	a.server.SetReady(false)
	delay := a.o.Config.ShutdownDelay
	if delay <= 0 {
		return nil
	}
	a.o.Logger.Info("stopping: no longer ready, still answering requests until the delay has passed", "delay", delay)
	select {
	case <-time.After(delay):
		return nil
	case err := <-served:
		return err
	}
}

// stop stops the parts one after the other; the comments give the reason for the order.
// ctx must not have ended.
func (a *App) stop(ctx context.Context, httpServer *http.Server, stopSoft, stopHard context.CancelFunc, background *sync.WaitGroup) error {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, a.o.Config.ShutdownTimeout)
	defer cancel()
	a.server.SetReady(false) // 1. also when drain was not called, because the server failed
	stopSoft()               // 2. workers start nothing new, while
	err := httpServer.Shutdown(ctx)
	if err != nil { // 3. requests in progress finish, or are cut off after the time-out
		interrupted := a.history.InterruptImports()
		err = errors.Join(fmt.Errorf("some requests were cut off: %w", err), httpServer.Close())
		a.awaitImports(whole, interrupted)
	}
	done := make(chan struct{})
	go func() { background.Wait(); close(done) }()
	select { // 4. workers finish what they have claimed,
	case <-done:
	case <-ctx.Done():
		stopHard() // or return it to the queue
		<-done
	}
	return errors.Join(err, a.finalFlush(whole)) // 5. Close closes the store last
}

// awaitImports waits until the imports that were cut off have recorded that.
func (a *App) awaitImports(ctx context.Context, interrupted func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, a.o.Config.ShutdownTimeout)
	defer cancel()
	interrupted(ctx)
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
				a.o.Logger.Warn("the last use of keys was not stored; it will be tried again", "error", err)
			}
		}
	}
}

// firstKey creates a key if nobody could use the service otherwise: none is configured,
// and none was ever created. It returns the key's token, or an empty string.
func (a *App) firstKey(ctx context.Context) (string, error) {
	if a.o.Config.APIKey != "" {
		return "", nil
	}
	if exists, err := a.history.HasKeys(ctx); err != nil || exists {
		return "", err
	}
	administration, err := a.history.Administer(auth.Operator(0))
	if err != nil {
		return "", err
	}
	_, token, err := administration.CreateKey(ctx, chat.DefaultWorkspace, "first start", []auth.Scope{auth.Read, auth.Write})
	return token, err
}
