package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// deletePart is how many conversations one request deletes: the maximum of the service.
const deletePart = 100_000

// deleteExported writes conversations to a file and deletes exactly the ones in it.
// If one of them has changed in between, the delete is refused.
func (p *program) deleteExported(ctx context.Context, c *client.Client, f deleteFlags, export func(io.Writer) ([]api.ConversationRevision, error)) error {
	var exported []api.ConversationRevision
	err := writeNew(f.export, func(w io.Writer) (err error) {
		exported, err = export(w)
		return err
	})
	if err != nil {
		return err
	}
	deleted, err := p.deleteInParts(ctx, c, f, exported, deletePart)
	if err != nil {
		if deleted.Count == 0 {
			return p.refused(err, f.export)
		}
		// Scripts need the list of deleted conversations, also if deleting the others failed.
		return errors.Join(p.refusedAfter(err, f.export, deleted.Count, len(exported)), p.sayDeleted(f.asJSON, deleted, deleted.Deleted, deleted.Count))
	}
	return p.sayDeleted(f.asJSON, deleted, deleted.Deleted, deleted.Count)
}

// deleteInParts deletes conversations with several requests. If a request fails, it returns what the earlier ones
// deleted, and the error.
func (p *program) deleteInParts(ctx context.Context, c *client.Client, f deleteFlags, exported []api.ConversationRevision, size int) (api.DeleteAnswer, error) {
	byID := !f.given() && !f.all // a pinned conversation is deleted when its id is given
	pinnedToo := f.includePinned || f.options.PinnedOnly || byID
	deleted := api.DeleteAnswer{Deleted: []string{}}
	for part := range slices.Chunk(exported, size) {
		p.soFar.is("%s", deleteSentAfter(deleted.Count, len(part), f.export))
		answer, err := c.DeleteUnchanged(ctx, api.DeleteUnchangedRequest{Conversations: part, IncludePinned: &pinnedToo, Exclude: &f.exclude})
		if err != nil {
			return deleted, err
		}
		deleted.Deleted, deleted.Count = append(deleted.Deleted, answer.Deleted...), deleted.Count+answer.Count
	}
	return deleted, nil
}

// deleteSentAfter describes an interrupted delete of exported conversations.
func deleteSentAfter(deleted, sent int, file string) string {
	if deleted == 0 {
		return fmt.Sprintf("%s; %s contains them all", deleteSent, file)
	}
	return fmt.Sprintf("%s deleted. A delete of %s more was already sent: the service deleted either all of those or none; `lethe list` shows which. %s contains them all",
		count(deleted, "conversation")+" "+wasWere(deleted), strconv.Itoa(sent), file)
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

// exportCounted writes the conversations that the flags select. It returns a Conflict when their number differs from
// the one that the user confirmed.
func exportCounted(ctx context.Context, c *client.Client, f deleteFlags, counted int, w io.Writer) ([]api.ConversationRevision, error) {
	withoutPinned := !f.includePinned && !f.options.PinnedOnly
	exported, err := c.ExportRevisions(ctx, f.options, withoutPinned, w)
	if err == nil && len(exported) != counted {
		err = fault.New(fault.Conflict, "%s %s selected before and %d now; nothing was deleted", count(counted, "conversation"), wasWere(counted), len(exported))
	}
	return exported, err
}

// maxNamed is how many of the changed conversations a refusal lists.
const maxNamed = 10

// refused explains that nothing was deleted because conversations have changed since they were written to the file,
// and lists them. Other errors are returned unchanged.
func (p *program) refused(err error, file string) error {
	list := changedSince(err)
	if list == "" {
		return err
	}
	return fault.New(fault.Conflict, "nothing was deleted, because these conversations changed after they were written to %s:\n  %s\n"+
		"Delete that file and run the command again.", file, list)
}

// refusedAfter explains why a delete stopped after its earlier parts were deleted.
func (p *program) refusedAfter(err error, file string, deleted, all int) error {
	done := fmt.Sprintf("%d of %s %s deleted; %s contains them all, so keep it", deleted, count(all, "conversation"), wasWere(deleted), file)
	list := changedSince(err)
	if list == "" {
		return fmt.Errorf("%s. The rest could not be deleted: %w", done, err)
	}
	return fault.New(fault.Conflict, "%s. The rest was not deleted, because these conversations changed after they were written:\n  %s\n"+
		"Run the command again with another file to delete the rest.", done, list)
}

// changedSince lists the changed conversations of an error, one per line; "" for any other error.
func changedSince(err error) string {
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
			titles = append(titles, named(c.Title, string(c.ID)))
		}
	}
	if more := len(titles) - maxNamed; more > 0 {
		titles = append(titles[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(titles, "\n  ")
}

func named(title, id string) string {
	return fmt.Sprintf("%s (%s)", shortTitle(oneLine(title)), id)
}
