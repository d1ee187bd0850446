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

// deleteFlags are the flags of lethe delete.
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
		Short: "Delete conversations and everything that belongs to them",
		Long: "Delete conversations with their messages, passages and vectors: the ones with the given ids,\n" +
			"or the ones that the flags select. There is no undo and no trash. --export first writes them\n" +
			"to a file, which `lethe import --restore-deleted` reads.\n\n" +
			"Flags select pinned conversations only with --pinned or --include-pinned. At a terminal the\n" +
			"command asks before it deletes; in a script, a delete by flags needs --yes. If the only\n" +
			"argument is -, ids are read from standard input, one per line.",
		Example: "  lethe delete 01a2017b-a6c6-7b09-8e3c-bd716f080d91\n" +
			"  lethe delete --platform chatgpt --to 2024-12-31 --dry-run\n" +
			"  lethe delete --platform chatgpt --to 2024-12-31 --export old.jsonl --yes",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if err := f.read(); err != nil {
				return err
			}
			switch {
			case len(ids) == 0 && !f.given() && !f.all:
				return fault.Invalidf("no conversations are selected: give ids, or flags such as --platform or --all")
			case len(ids) > 0 && (f.given() || f.all || f.dryRun || f.includePinned):
				return fault.Invalidf("give either ids or flags that select conversations, not both")
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
	cmd.Flags().BoolVar(&f.all, "all", false, "all conversations of the workspace")
	cmd.Flags().BoolVar(&f.includePinned, "include-pinned", false, "also delete pinned conversations")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "delete nothing; print how many conversations the flags select")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask for confirmation")
	cmd.Flags().BoolVar(&f.exclude, "exclude", false, "refuse later uploads of these conversations, until they are lifted")
	cmd.Flags().StringVar(&f.export, "export", "", "first write the conversations to this new file")
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
		if f.export, err = p.confirm(count(len(ids), "conversation"), f.export, true); err != nil {
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
	if err := p.sayDeleted(f.asJSON, answer, answer.Deleted, answer.Count); err != nil {
		return err
	}
	if answer.Count == 0 {
		return fault.NotFoundf("none of these conversations exists; nothing was deleted")
	}
	return nil
}

// deleteSelected counts the selected conversations, asks, and deletes them only if their number has not changed.
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
		return p.say("%s would be deleted.\n", count(would.Count, "conversation"))
	}
	if would.Count == 0 {
		return fault.NotFoundf("no conversation matches; nothing was deleted")
	}
	if !f.yes {
		if f.export, err = p.confirm(count(would.Count, "conversation"), f.export, false); err != nil {
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
	return p.sayDeleted(f.asJSON, answer, answer.Deleted, answer.Count)
}

// sayDeleted prints the ids of the deleted conversations, and their number on stderr.
func (p *program) sayDeleted(asJSON bool, answer any, ids []string, n int) error {
	if asJSON {
		return p.printJSON(answer)
	}
	for _, id := range ids {
		if err := p.say("%s\n", id); err != nil {
			return err
		}
	}
	if n > 0 {
		p.note("Deleted %s.", count(n, "conversation"))
	}
	return nil
}

// deleteSent describes a delete that the service is working on: it deletes all of the
// conversations or none.
const deleteSent = "the delete was already sent. The service deleted either all of the conversations or none; `lethe list` shows which"

// readIDs reads ids from standard input, one per line.
func (p *program) readIDs(args []string) (ids []string, err error) {
	if len(args) > 1 {
		return nil, fault.Invalidf("give either ids or - (to read them from standard input), not both")
	}
	if p.terminal {
		fmt.Fprintln(p.stderr, "Enter ids, one per line. Ctrl-D ends the list.")
	}
	scanner := bufio.NewScanner(p.stdin)
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			ids = append(ids, line)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "standard input could not be read; nothing was deleted")
	}
	if len(ids) == 0 {
		return nil, fault.Invalidf("standard input contains no ids; nothing was deleted")
	}
	return ids, nil
}
