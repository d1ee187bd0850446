package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/client"
)

func (p *program) exportCommand() *cobra.Command {
	var r remote
	var s selection
	var out string
	cmd := &cobra.Command{
		Use:   "export [ID...]",
		Short: "Write conversations to a file that can be imported again",
		Long: "Write conversations with their messages to a file: all of them, the ones with the given ids,\n" +
			"or the ones that the flags select. Each line of the file is one conversation as JSON, or a part\n" +
			"of a long one, and `lethe import` reads it. Lethe has no trash, so export what you may want back\n" +
			"before you delete it.",
		Example: "  lethe export --out all.jsonl\n" +
			"  lethe export --platform chatgpt --to 2024-12-31 > old.jsonl",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if err := s.read(); err != nil {
				return err
			}
			if len(ids) > 0 && s.given() {
				return fault.Invalidf("give either ids or flags that select conversations, not both")
			}
			c, err := p.client(cmd.Context(), r)
			if err != nil {
				return err
			}
			write := func(w io.Writer) error { return exportTo(cmd, c, ids, s.options, w) }
			if out == "" {
				p.soFar.is("the output is incomplete")
				return write(p.stdout)
			}
			p.soFar.is("%s was not written", out)
			lines := &lineCounter{}
			err = writeNew(out, func(w io.Writer) error { return write(io.MultiWriter(w, lines)) })
			if err == nil {
				p.note("Wrote %s to %s.", count(int(lines.n.Load()), "line"), out)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "new file to write to (default: standard output)")
	s.flags(cmd)
	r.connection(cmd)
	return cmd
}

func exportTo(cmd *cobra.Command, c *client.Client, ids []string, o client.ListOptions, w io.Writer) error {
	if len(ids) == 0 {
		return c.Export(cmd.Context(), o, w)
	}
	for _, id := range ids {
		if err := c.ExportOne(cmd.Context(), id, w); err != nil {
			return err
		}
	}
	return nil
}

// writeNew writes a new file that only its owner can read. The file is either complete and on disk, or does not
// exist. An existing file is never replaced.
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
