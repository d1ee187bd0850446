package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/localservice"
	"github.com/lethe-chat/lethe/internal/transfer"
)

// withoutService reports whether an import opens the database itself: it is an SQLite file, the user named no service
// and no key, and no service of this user is running.
func (p *program) withoutService(ctx context.Context, c config.Config, r remote) (bool, error) {
	if c.DatabaseURL != "" {
		return false, nil
	}
	return p.noService(ctx, c, r)
}

// noService reports whether nobody named a service or a key, and no service of this user runs.
func (p *program) noService(ctx context.Context, c config.Config, r remote) (bool, error) {
	if r.url != "" || p.isSet(addressVariable) {
		return false, nil
	}
	if r.key != "" || r.keyFile != "" || c.APIKey != "" || c.APIKeyFile != "" {
		return false, nil
	}
	services, err := localservice.Find(c.RuntimeDir)
	if err != nil || len(services) > 0 {
		return false, err
	}
	return !answers(ctx, "http://"+callable(c.Addr)), nil
}

// straight calls fn with a destination that stores in the database itself, and with the state of its index. fn
// returns when everything is indexed.
func (p *program) straight(ctx context.Context, c config.Config, workspace string, begin history.NewImport, fn func(transfer.Destination, indexed) error) error {
	logger := slog.New(slog.DiscardHandler) // log lines would break the progress line; errors are in the records
	return app.Work(ctx, c, logger, func(h *history.History) error {
		ws, err := workspaceNamed(ctx, h, workspace)
		if err != nil {
			return err
		}
		d := &database{access: h.AsOperator(ws), begin: begin}
		return fn(d, d.indexed)
	})
}

// workspaceNamed returns a workspace, and creates it if there is none of this name.
func workspaceNamed(ctx context.Context, h *history.History, name string) (chat.WorkspaceID, error) {
	administration, err := h.Administer(auth.Operator(0))
	if err != nil {
		return 0, err
	}
	all, err := administration.Workspaces(ctx)
	if err != nil {
		return 0, err
	}
	name = strings.TrimSpace(name)
	i := slices.IndexFunc(all, func(w chat.Workspace) bool { return w.Name == name })
	if i < 0 {
		return administration.CreateWorkspace(ctx, name)
	}
	return all[i].ID, nil
}

// indexed returns the state of the index for an import.
type indexed func(ctx context.Context, importID string) (indexState, error)

// indexState is how many new and changed conversations of an import are indexed, waiting and failed.
type indexState struct{ ready, pending, failed int }

// database is the opened database as the destination of an import.
type database struct {
	access history.Access
	begin  history.NewImport
	id     string
	part   int
	bytes  atomic.Int64
	stop   context.CancelFunc
	beats  sync.WaitGroup
}

// alive is the pause between two heartbeats of an import.
const alive = 10 * time.Second

// Begin records the import.
func (d *database) Begin(ctx context.Context) (string, error) {
	begun, err := d.access.BeginImport(ctx, d.begin)
	if err != nil {
		return "", err
	}
	d.id = begun.ID
	ctx, d.stop = context.WithCancel(ctx)
	d.beats.Go(func() {
		ticker := time.NewTicker(alive)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_, _ = d.access.ReportImport(ctx, d.id, history.ImportReport{BytesRead: d.bytes.Load()}) // the next part reports the error
			}
		}
	})
	return d.id, nil
}

// NewPart returns an empty part.
func (d *database) NewPart() transfer.Part { return &databasePart{to: d} }

// Report sets the progress for the next heartbeat.
func (d *database) Report(bytes int64, _ chat.ImportReport) { d.bytes.Store(bytes) }

// Finish records how the import has ended.
func (d *database) Finish(ctx context.Context, end transfer.End) error {
	d.stop()
	d.beats.Wait()
	_, err := d.access.FinishImport(ctx, d.id, history.ImportReport{BytesRead: end.Bytes, Format: end.Format, Found: &end.Found},
		history.ImportEnd{State: end.State, Reason: end.Reason})
	return err
}

// indexed returns the state of the index for the import.
func (d *database) indexed(ctx context.Context, id string) (indexState, error) {
	i, err := d.access.Import(ctx, id)
	return indexState{i.Ready, i.Pending, i.Failed}, err
}

// databasePart is a part that is stored in one transaction.
type databasePart struct {
	to    *database
	reads []history.Read
	bytes int
}

// Add adds a conversation, or a long one in parts.
func (p *databasePart) Add(u chat.Upload, at format.Place) (int, error) {
	for _, m := range u.Messages {
		p.bytes += len(m.Text)
	}
	for _, part := range u.Split(chat.DefaultPartLimits()) {
		p.reads = append(p.reads, history.Read{Upload: part, Place: chat.ImportPlace{Member: at.Member, Line: at.Line, Element: at.Element}})
	}
	return p.bytes, nil
}

// Send stores the conversations.
func (p *databasePart) Send(ctx context.Context) (transfer.Delivered, error) {
	p.to.part++
	fed, err := p.to.access.FeedImport(ctx, p.to.id, p.to.part, p.each())
	if err != nil {
		return transfer.Delivered{}, err
	}
	d := transfer.Delivered{Counts: fed.Import.Counts, Ready: fed.Import.Ready, Pending: fed.Import.Pending}
	for _, problem := range fed.Problems {
		d.Problems = append(d.Problems, chat.ImportProblem{ImportPlace: problem.Place, Reason: fault.Message(problem.Err)})
	}
	return d, nil
}

func (p *databasePart) each() iter.Seq[history.Read] { return slices.Values(p.reads) }

// errIndex is returned when conversations were stored and could not be indexed.
var errIndex = errors.New("some conversations could not be indexed; `lethe reindex` tries them again")
