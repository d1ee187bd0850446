package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// deletePart is how many conversations one delete of the exported ones names: the
// most that the service takes.
const deletePart = 100_000

// deleteExported writes conversations to a file and deletes exactly what is in
// it: a conversation that changes in between stops the delete.
func (p *program) deleteExported(ctx context.Context, c *client.Client, f deleteFlags, export func(io.Writer) ([]api.ConversationRevision, error)) error {
	var exported []api.ConversationRevision
	err := writeNew(f.export, func(w io.Writer) (err error) {
		exported, err = export(w)
		return err
	})
	if err != nil {
		return err
	}
	named := !f.given() && !f.all // a pinned conversation that is named is deleted like any other
	pinnedToo := f.includePinned || f.options.PinnedOnly || named
	whole := api.DeleteAnswer{Deleted: []string{}}
	for part := range slices.Chunk(exported, deletePart) {
		p.soFar.is(deleteSent+"; %d conversations were deleted before; %s has them all", whole.Count, f.export)
		answer, err := c.DeleteUnchanged(ctx, api.DeleteUnchangedRequest{Conversations: part, IncludePinned: &pinnedToo, Exclude: &f.exclude})
		if err != nil {
			return errors.Join(p.refused(err, f.export), p.sayDeleted(f.asJSON && whole.Count > 0, whole, whole.Deleted))
		}
		whole.Deleted, whole.Count = append(whole.Deleted, answer.Deleted...), whole.Count+answer.Count
	}
	return p.sayDeleted(f.asJSON, whole, whole.Deleted)
}

// exportNamed writes the conversations with these ids.
func exportNamed(ctx context.Context, c *client.Client, ids []string, w io.Writer) (all []api.ConversationRevision, err error) {
	for _, id := range ids {
		one, err := c.ExportOneRevision(ctx, id, w)
		if err != nil {
			return nil, fmt.Errorf("conversation %s: %w", id, err)
		}
		all = append(all, one...)
	}
	return all, nil
}

// exportCounted writes the conversations that the flags select. It returns a
// Conflict when they are not as many as somebody was told.
func exportCounted(ctx context.Context, c *client.Client, f deleteFlags, counted int, w io.Writer) ([]api.ConversationRevision, error) {
	spared := !f.includePinned && !f.options.PinnedOnly
	exported, err := c.ExportRevisions(ctx, f.options, spared, w)
	if err == nil && len(exported) != counted {
		err = fault.New(fault.Conflict, "%d conversations were selected before and %d are now; nothing was deleted", counted, len(exported))
	}
	return exported, err
}

// maxNamed is how many of the changed conversations a refusal names.
const maxNamed = 10

// refused names the conversations that stopped a delete because they have changed
// since they were written to the file; other errors stay as they are.
func (p *program) refused(err error, file string) error {
	var titles []string
	var answer *client.Error
	var changed *chat.ChangedError
	switch {
	case errors.As(err, &answer) && answer.Status == http.StatusConflict && len(answer.Changed) > 0:
		for _, c := range answer.Changed {
			title := ""
			if c.Title != nil {
				title = *c.Title
			}
			titles = append(titles, named(title, c.ID))
		}
	case errors.As(err, &changed):
		for _, c := range changed.Changed {
			titles = append(titles, named(c.Title, c.ID))
		}
	default:
		return err
	}
	if more := len(titles) - maxNamed; more > 0 {
		titles = append(titles[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return fault.New(fault.Conflict, "nothing was deleted, because these have changed since they were written to %s:\n  %s\n"+
		"Delete that file, and run the command again.", file, strings.Join(titles, "\n  "))
}

func named(title, id string) string {
	if title == "" {
		title = "(no title)"
	}
	return fmt.Sprintf("%s (%s)", oneLine(title), id)
}
