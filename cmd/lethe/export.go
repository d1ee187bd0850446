package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/archive"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/pkg/client"
)

// exportFlags are the flags of the command.
type exportFlags struct {
	remote
	selection
	out, format       string
	everything, force bool
}

// The formats of an export.
const (
	formatLethe    = "jsonl"
	formatMarkdown = "markdown"
	formatHTML     = "html"
)

func (p *program) exportCommand() *cobra.Command {
	f := exportFlags{format: formatLethe}
	cmd := &cobra.Command{
		Use:   "export [ID...]",
		Short: "Write conversations to a file that can be imported again",
		Long: "Write conversations with their messages to a file: all of them, the ones with the given ids,\n" +
			"or the ones that the flags select. Each line of the file is one conversation as JSON, or a part\n" +
			"of a long one, and `lethe import` reads it. Lethe has no trash, so export what you may want back\n" +
			"before you delete it.\n\n" +
			"With --format markdown or html, each conversation becomes a file of its own in the folder --out, with\n" +
			"an index of all of them. Existing files are not overwritten without --force.\n\n" +
			"With --everything, the file has all workspaces that the key may see, with the records of imports, the\n" +
			"receipts of deletes and the records of deleted conversations, and the key with which these are hashed:\n" +
			"keep it as you keep the database. `lethe restore` stores it in another database, of any kind. If no\n" +
			"service runs, it is read from the database itself.",
		Example: "  lethe export --out all.jsonl\n" +
			"  lethe export --platform chatgpt --to 2024-12-31 > old.jsonl\n" +
			"  lethe export --format markdown --out chats\n" +
			"  lethe export --everything --out everything.jsonl",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if err := f.check(ids); err != nil {
				return err
			}
			switch {
			case f.everything:
				return p.exportEverything(cmd.Context(), f)
			case f.format != formatLethe:
				return p.exportPages(cmd.Context(), f, ids)
			default:
				return p.exportLines(cmd.Context(), f, ids)
			}
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "new file to write to (default: standard output), or the folder for --format")
	flags.StringVar(&f.format, "format", f.format, "jsonl, markdown or html")
	flags.BoolVar(&f.force, "force", false, "with --format markdown or html, overwrite files that exist")
	flags.BoolVar(&f.everything, "everything", false, "all workspaces, with receipts and the records of deleted conversations")
	completes(cmd, "format", formatLethe, formatMarkdown, formatHTML)
	f.selection.flags(cmd)
	f.connection(cmd)
	return cmd
}

// check reads the dates, and refuses flags that contradict each other.
func (f *exportFlags) check(ids []string) error {
	if err := f.read(); err != nil {
		return err
	}
	pages := f.format == formatMarkdown || f.format == formatHTML
	switch {
	case len(ids) > 0 && f.given():
		return fault.Invalidf("give either ids or flags that select conversations, not both")
	case f.everything && (len(ids) > 0 || f.given() || f.format != formatLethe):
		return fault.Invalidf("--everything exports all that is stored, in its own format; leave ids and the other flags out")
	case !pages && f.format != formatLethe:
		return fault.Invalidf("--format must be %s, %s or %s; %q is none of them", formatLethe, formatMarkdown, formatHTML, f.format)
	case pages && f.out == "":
		return fault.Invalidf("--format %s writes many files; name a folder for them with --out", f.format)
	case f.force && !pages:
		return fault.Invalidf("--force is for --format %s and %s; another export never overwrites a file", formatMarkdown, formatHTML)
	}
	return nil
}

// exportLines writes the lines that an import reads.
func (p *program) exportLines(ctx context.Context, f exportFlags, ids []string) error {
	c, err := p.client(ctx, f.remote)
	if err != nil {
		return err
	}
	return p.writeLines(f.out, func(w io.Writer) error { return exportTo(ctx, c, ids, f.options, w) })
}

// exportEverything writes all that is stored, through a service or from the database itself.
func (p *program) exportEverything(ctx context.Context, f exportFlags) error {
	c, err := p.config()
	if err != nil {
		return err
	}
	alone, err := p.noService(ctx, c, f.remote)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error {
		return p.withConversations(ctx, func(h *history.History) error {
			return archive.Write(ctx, w, h.AsOperator(0).Everything(ctx))
		})
	}
	if !alone {
		service, err := p.client(ctx, f.remote)
		if err != nil {
			return err
		}
		write = func(w io.Writer) error { return service.ExportEverything(ctx, w) }
	}
	return p.writeLines(f.out, write)
}

// writeLines writes to a new file, or to standard output.
func (p *program) writeLines(out string, write func(io.Writer) error) error {
	if out == "" {
		p.soFar.is("the output is incomplete")
		return write(p.stdout)
	}
	p.soFar.is("%s was not written", out)
	lines := &lineCounter{}
	err := writeNew(out, func(w io.Writer) error { return write(io.MultiWriter(w, lines)) })
	if err == nil {
		p.note("Wrote %s to %s.", count(int(lines.n.Load()), "line"), out)
	}
	return err
}

func exportTo(ctx context.Context, c *client.Client, ids []string, o client.ListOptions, w io.Writer) error {
	if len(ids) == 0 {
		return c.Export(ctx, o, w)
	}
	for _, id := range ids {
		if err := c.ExportOne(ctx, id, w); err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes a new file that only its owner can read. The file is either complete
// and on disk or does not exist; an existing one is never replaced.
func writeNew(path string, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Conflict, "%s already exists; give another name", path)
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".lethe-export-*")
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "%s cannot be written; give another name", path)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	if err := errors.Join(write(part), part.Sync(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}
