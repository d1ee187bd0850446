package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// deleteFlags are what a delete may be told.
type deleteFlags struct {
	remote
	selection
	all, includePinned bool
	dryRun, yes        bool
	exclude            bool
	export             string
}

func (p *program) deleteCommand() *cobra.Command {
	var f deleteFlags
	cmd := &cobra.Command{
		Use:   "delete [ID...]",
		Short: "Delete conversations with everything that belongs to them, for good",
		Long: "Delete conversations with their messages, passages and vectors: those named, or those\n" +
			"that the flags select. There is no undo and no trash; --export writes them to a file\n" +
			"first. Pinned conversations are spared unless they are named or asked for.\n\n" +
			"At a terminal the command asks before it deletes; elsewhere a delete by flags needs\n" +
			"--yes. With the one argument - the ids are read from standard input, one a line.",
		Example: "  lethe delete 01a2017b-a6c6-7b09-8e3c-bd716f080d91\n" +
			"  lethe delete --platform chatgpt --to 2024-12-31 --dry-run\n" +
			"  lethe delete --platform chatgpt --to 2024-12-31 --export old.jsonl --yes",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if err := f.read(); err != nil {
				return err
			}
			switch {
			case len(ids) == 0 && !f.given() && !f.all:
				return fault.Invalidf("nothing is selected: name conversations, give flags that select, or --all")
			case len(ids) > 0 && (f.given() || f.all || f.dryRun || f.includePinned):
				return fault.Invalidf("give ids or flags that select, not both")
			}
			p.soFar.is("nothing was deleted")
			c, err := p.client(cmd.Context(), f.remote)
			if err != nil {
				return err
			}
			if len(ids) > 0 {
				return p.deleteNamed(cmd, c, f, ids)
			}
			return p.deleteSelected(cmd, c, f)
		},
	}
	cmd.Flags().BoolVar(&f.all, "all", false, "every conversation of the workspace")
	cmd.Flags().BoolVar(&f.includePinned, "include-pinned", false, "pinned ones too")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only tell how many the flags select")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.exclude, "exclude", false, "refuse later uploads of them, until `lethe lift`")
	cmd.Flags().StringVar(&f.export, "export", "", "first write them to this file, which must not exist")
	f.selection.flags(cmd)
	f.remote.flags(cmd)
	return cmd
}

func (p *program) deleteNamed(cmd *cobra.Command, c *client.Client, f deleteFlags, ids []string) (err error) {
	piped := slices.Contains(ids, "-")
	if piped {
		if ids, err = p.readIDs(ids); err != nil {
			return err
		}
	}
	if !f.yes && !piped {
		if f.export, err = p.confirm(len(ids), f.export, true); err != nil {
			return err
		}
	}
	if f.export != "" {
		return p.deleteExported(cmd.Context(), c, f, func(w io.Writer) ([]api.ConversationRevision, error) {
			return exportNamed(cmd.Context(), c, ids, w)
		})
	}
	p.soFar.is(deleteSent)
	answer, err := c.DeleteWith(cmd.Context(), api.DeleteRequest{IDs: ids, Exclude: &f.exclude})
	if err != nil {
		return err
	}
	if err := p.sayDeleted(f.asJSON, answer, answer.Deleted); err != nil {
		return err
	}
	if answer.Count == 0 {
		return fault.NotFoundf("none of these conversations exists")
	}
	return nil
}

// deleteSelected counts, asks, and deletes only as many as it has counted.
func (p *program) deleteSelected(cmd *cobra.Command, c *client.Client, f deleteFlags) error {
	request := api.DeleteMatchingRequest{
		Filter: f.filter(), All: &f.all, IncludePinned: &f.includePinned, DryRun: new(true), Exclude: &f.exclude,
	}
	would, err := c.DeleteMatching(cmd.Context(), request)
	if err != nil {
		return err
	}
	if f.dryRun {
		if f.asJSON {
			return p.printJSON(would)
		}
		return p.say("%d conversations would be deleted\n", would.Count)
	}
	if would.Count == 0 {
		return fault.NotFoundf("no conversation is selected")
	}
	if !f.yes {
		if f.export, err = p.confirm(would.Count, f.export, false); err != nil {
			return err
		}
	}
	if f.export != "" {
		return p.deleteExported(cmd.Context(), c, f, func(w io.Writer) ([]api.ConversationRevision, error) {
			return exportCounted(cmd.Context(), c, f, would.Count, w)
		})
	}
	request.DryRun, request.ExpectedCount = nil, &would.Count
	p.soFar.is(deleteSent)
	answer, err := c.DeleteMatching(cmd.Context(), request)
	if err != nil {
		return err
	}
	return p.sayDeleted(f.asJSON, answer, answer.Deleted)
}

func (p *program) sayDeleted(asJSON bool, answer any, ids []string) error {
	if asJSON {
		return p.printJSON(answer)
	}
	for _, id := range ids {
		if err := p.say("%s\n", id); err != nil {
			return err
		}
	}
	return nil
}

// deleteSent is how far a delete is while the service works on it: it deletes all
// or nothing.
const deleteSent = "the service had been told to delete, and has deleted everything that was selected or nothing: `lethe list` shows which"

// readIDs reads ids from standard input, one a line.
func (p *program) readIDs(args []string) (ids []string, err error) {
	if len(args) > 1 {
		return nil, fault.Invalidf("give ids, or - to read them from standard input, not both")
	}
	if p.terminal {
		fmt.Fprintln(p.stderr, "Type ids, one a line; Ctrl-D ends the list.")
	}
	scanner := bufio.NewScanner(p.stdin)
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			ids = append(ids, line)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "standard input could not be read to its end; nothing was deleted")
	}
	if len(ids) == 0 {
		return nil, fault.Invalidf("standard input has no ids; nothing was deleted")
	}
	return ids, nil
}
