package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/tables"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/transfer"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// importFlags are the flags of the command.
type importFlags struct {
	remote
	restore, watch, dryRun             bool
	since, platform, format, workspace string
	columns                            []string
}

func (p *program) importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import PATH...",
		Short: "Store the conversations of an exported file",
		Long: "Store the conversations that another service or program has exported, such as the zip file that\n" +
			"ChatGPT or Claude sends you, or a file of `lethe export`. A PATH is a file, a folder, an archive or\n" +
			"a pattern; - is standard input. Lethe finds out which format a file has. Files are read where they\n" +
			"are, and may be imported again: what is stored already does not change.\n\n" +
			"Conversations that were deleted here stay deleted, unless --restore-deleted is given.\n\n" +
			"If no service runs and the database is the SQLite file of this machine, the conversations go\n" +
			"are stored in it directly, and are indexed before the command ends.\n\n" +
			"Exit codes: 0 everything is stored; 1 the import failed; 2 wrong use; 3 the import is complete, but\n" +
			"something could not be read, stored or indexed; 130 interrupted.",
		Example: "  lethe import ~/Downloads/export.zip\n" +
			"  lethe import --dry-run 'conversations-*.json'\n" +
			"  lethe import --since 2025-01-01 --watch chats/\n" +
			"  zcat old.jsonl.gz | lethe import -",
		RunE: func(cmd *cobra.Command, paths []string) error { return p.importPaths(cmd.Context(), f, paths) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would come, and store nothing; needs no service")
	flags.BoolVar(&f.watch, "watch", false, "wait until everything is indexed; without a PATH, wait for what was imported before")
	flags.StringVar(&f.since, "since", "", "only conversations that changed on this day or later (2025-01-31)")
	flags.StringVar(&f.platform, "platform", "", "only conversations of this platform (chatgpt)")
	flags.StringVar(&f.format, "format", "", "read every file with this format (default: each file's own)")
	flags.StringVar(&f.workspace, "workspace", chat.DefaultWorkspace, "workspace to store in when no service runs; otherwise the key decides")
	flags.BoolVar(&f.restore, "restore-deleted", false, "also store conversations that were deleted here")
	flags.StringSliceVar(&f.columns, "columns", nil, "read CSV or JSON lines by their columns (role=author,text=body,conversation=thread_id)")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "watch")
	cmd.MarkFlagsMutuallyExclusive("columns", "format")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "restore-deleted")
	completes(cmd, "format", formatNames()...)
	f.flags(cmd)
	return cmd
}

func formatNames() []string {
	var names []string
	for _, f := range exports.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// importPaths runs the command.
func (p *program) importPaths(ctx context.Context, f importFlags, paths []string) error {
	if len(paths) == 0 {
		if f.watch {
			return p.watchBacklog(ctx, f.remote)
		}
		return fault.Invalidf("say what to import: a file, a folder, an archive, or - for standard input")
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	sources, err := p.openSources(paths)
	if err != nil {
		return err
	}
	shown := p.showProgress(ctx, sourceName(paths), f.dryRun)
	defer shown.stop()
	if f.dryRun {
		return p.preview(ctx, f, sources, o, shown)
	}
	c, err := p.config()
	if err != nil {
		return err
	}
	alone, err := p.withoutService(ctx, c, f.remote)
	if err != nil {
		return err
	}
	if alone {
		p.note("No service is running; storing directly in the database in %s.", c.DataDir)
		begin := history.NewImport{FileName: sourceName(paths), FileSize: totalSize(sources), Format: f.format, RestoreDeleted: f.restore, Here: true}
		f.watch = true
		return p.straight(ctx, c, f.workspace, begin, func(to transfer.Destination, state indexed) error {
			return p.transfer(ctx, f, sources, o, to, state, shown)
		})
	}
	if f.workspace != chat.DefaultWorkspace {
		return fault.Invalidf("a running service stores in the workspace of the key; give a key of workspace %q with --key-file, and leave --workspace out", f.workspace)
	}
	service, err := p.client(ctx, f.remote)
	if err != nil {
		return err
	}
	begin := api.ImportBegin{FileName: ptrOrNil(sourceName(paths)), Format: ptrOrNil(f.format), RestoreDeleted: &f.restore}
	if size := int(totalSize(sources)); size > 0 {
		begin.FileSize = &size
	}
	return p.transfer(ctx, f, sources, o, transfer.ToService(service, begin), serviceIndex(service), shown)
}

func ptrOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// options returns the options for reading.
func (f importFlags) options() (exports.Options, error) {
	o := exports.Options{Format: f.format, Platform: f.platform}
	if len(f.columns) > 0 {
		columns, err := tables.Parse(f.columns)
		if err != nil {
			return o, err
		}
		table := columns.Format()
		o.Formats, o.Format = []format.Format{table}, table.Name
	}
	if f.since == "" {
		return o, nil
	}
	since, _, err := api.ParseTime(f.since)
	if err != nil {
		return o, fault.Invalidf("--since must be a date such as 2025-01-31, or a date and time; %q is not", f.since)
	}
	o.Since = since
	return o, nil
}

// openSources opens the files and folders that the user named. All paths are one source, so that a conversation in
// several files is imported once. Standard input and pipes are separate sources.
func (p *program) openSources(paths []string) (sources []*container.Source, err error) {
	var files []string
	for _, path := range paths {
		if path == "-" {
			sources = append(sources, container.OpenStream(container.Options{}, "standard input", p.stdin))
			continue
		}
		info, err := os.Stat(path)
		if err != nil || info.IsDir() || info.Mode().IsRegular() {
			files = append(files, path)
			continue
		}
		pipe, err := os.Open(path)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "%s cannot be read", path)
		}
		sources = append(sources, container.OpenStream(container.Options{}, filepath.Base(path), pipe))
	}
	if len(files) > 0 {
		source, err := container.Open(container.Options{}, files...)
		if err != nil {
			return nil, err
		}
		sources = append([]*container.Source{source}, sources...)
	}
	return sources, nil
}

// sourceName returns the file name for the record of the import.
func sourceName(paths []string) string {
	name := filepath.Base(paths[0])
	if paths[0] == "-" {
		name = "standard input"
	}
	if len(paths) > 1 {
		name += fmt.Sprintf(" and %d more", len(paths)-1)
	}
	return name
}

// totalSize returns the size of the sources in bytes, or 0 if it is unknown.
func totalSize(sources []*container.Source) (size int64) {
	for _, s := range sources {
		if s.Size() < 0 {
			return 0
		}
		size += s.Size()
	}
	return size
}

// errPartly is the error of an import that is complete, except for what could not be read or stored.
var errPartly = errors.New("not everything could be imported")

// transfer runs the import and prints the result.
func (p *program) transfer(ctx context.Context, f importFlags, sources []*container.Source, o exports.Options, to transfer.Destination, state indexed, shown *importProgress) error {
	p.soFar.follows(func() string {
		n := shown.tracker.Now().Stored
		return fmt.Sprintf("%s %s stored. To store the rest, import again: what is stored already does not change", thousands(n, "conversation"), wasWere(n))
	})
	result, err := transfer.Run(ctx, sources, o, to, shown.tracker)
	took := shown.elapsed()
	if err != nil {
		shown.stop()
		if ctx.Err() == nil && result.Counts.Stored() > 0 {
			p.note("%s %s stored before the import failed.", thousands(result.Counts.Stored(), "conversation"), wasWere(result.Counts.Stored()))
		}
		return err
	}
	changed := result.Counts.New + result.Counts.Updated
	now := indexState{ready: result.Indexed}
	if f.watch && changed > 0 {
		p.soFar.is("everything is stored. Indexing goes on while a service runs")
		if now, err = awaitIndex(ctx, result.ImportID, state, shown); err != nil {
			return err
		}
	} else if changed > 0 {
		if now, err = state(ctx, result.ImportID); err != nil {
			return err
		}
	}
	result.Indexed = now.ready
	shown.stop()
	if err := p.sayResult(f, result, now, took); err != nil {
		return err
	}
	switch {
	case now.failed > 0:
		return errors.Join(errPartly, errIndex)
	case result.Counts.Failed > 0:
		return errPartly
	}
	return nil
}

// indexPoll is the pause between two queries for the state of the index.
const indexPoll = 300 * time.Millisecond

// awaitIndex waits until the conversations of an import are indexed.
func awaitIndex(ctx context.Context, id string, state indexed, shown *importProgress) (indexState, error) {
	shown.indexing()
	ticker := time.NewTicker(indexPoll)
	defer ticker.Stop()
	for {
		now, err := state(ctx, id)
		if err != nil || now.pending == 0 {
			return now, err
		}
		shown.tracker.Indexed(now.ready)
		select {
		case <-ctx.Done():
			return now, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// serviceIndex returns a function that asks a service for the state of the index.
func serviceIndex(c *client.Client) indexed {
	return func(ctx context.Context, id string) (indexState, error) {
		i, err := c.Import(ctx, id)
		return indexState{i.Ready, i.Pending, i.Failed}, err
	}
}

// watchBacklog waits until the service has indexed everything.
func (p *program) watchBacklog(ctx context.Context, r remote) error {
	c, err := p.client(ctx, r)
	if err != nil {
		return err
	}
	p.soFar.is("indexing goes on in the service")
	ticker := time.NewTicker(indexPoll)
	defer ticker.Stop()
	for {
		stats, err := c.Stats(ctx)
		if err != nil {
			return err
		}
		left := stats.Backlog.Queued + stats.Backlog.Indexing
		if left == 0 {
			if stats.Backlog.Failed > 0 {
				return errors.Join(errPartly, errIndex)
			}
			return p.say("Everything is indexed: %s.\n", thousands(stats.Conversations, "conversation"))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// preview prints what the import would store.
func (p *program) preview(ctx context.Context, f importFlags, sources []*container.Source, o exports.Options, shown *importProgress) error {
	p.soFar.is("nothing was stored")
	found, err := transfer.Look(ctx, sources, o, shown.tracker)
	shown.stop()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		return p.printJSON(found)
	}
	if err := sayPreview(p.stdout, found); err != nil {
		return err
	}
	if found.Counts.Failed > 0 {
		return errPartly
	}
	return nil
}

func (p *program) sayResult(f importFlags, r *transfer.Result, now indexState, took time.Duration) error {
	if f.asJSON {
		return p.printJSON(r)
	}
	return sayResult(p.stdout, r, now, took)
}
