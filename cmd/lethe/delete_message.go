package main

import (
	"bufio"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

func (p *program) deleteMessageCommand() *cobra.Command {
	var r remote
	var yes, dryRun bool
	cmd := &cobra.Command{
		Use:   "delete-message CONVERSATION [MESSAGE...]",
		Short: "Delete single messages of a conversation",
		Long: "Delete single messages of a conversation, such as one with a password, with every passage\n" +
			"that contains a part of one. The other messages stay. There is no undo, and uploads and\n" +
			"imports do not bring the messages back, until `lethe lift`. With its last message the\n" +
			"conversation is deleted. Without messages the command lists them with their ids.",
		Example: "  lethe delete-message 01a2017b-a6c6-7b09-8e3c-bd716f080d91\n" +
			"  lethe delete-message 01a2017b-a6c6-7b09-8e3c-bd716f080d91 01a2017b-a6c6-7b0a-9d11-6f1f0a6f7c01",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			if len(ids) == 1 {
				return p.listMessages(cmd, r, ids[0])
			}
			return p.deleteMessages(cmd, r, api.DeleteMessagesRequest{ConversationID: ids[0], MessageIDs: ids[1:], DryRun: &dryRun}, yes)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "delete nothing; print what would be deleted")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for confirmation")
	r.flags(cmd)
	return cmd
}

// messagePage is how many messages are asked for at once.
const messagePage = 500

// openingLimit is how many characters of a message a table shows.
const openingLimit = 60

// listMessages prints the messages of a conversation, so that some can be chosen.
func (p *program) listMessages(cmd *cobra.Command, r remote, id string) error {
	c, err := p.client(cmd.Context(), r)
	if err != nil {
		return err
	}
	var all []api.Message
	for next := 0; ; {
		page, err := c.Messages(cmd.Context(), id, next, messagePage)
		if err != nil {
			return err
		}
		all = append(all, page.Items...)
		if next += len(page.Items); len(page.Items) == 0 || next >= page.Total {
			break
		}
	}
	if r.asJSON {
		return p.printJSON(all)
	}
	t := newTable(p.stdout, "ID", "SENDER", "TEXT")
	for _, m := range all {
		text := []rune(oneLine(m.Text))
		if len(text) > openingLimit {
			text = append(text[:openingLimit-1], '…')
		}
		t.row(m.ID, m.Sender, string(text))
	}
	return t.print()
}

func (p *program) deleteMessages(cmd *cobra.Command, r remote, request api.DeleteMessagesRequest, yes bool) error {
	p.soFar.is("nothing was deleted")
	c, err := p.client(cmd.Context(), r)
	if err != nil {
		return err
	}
	only := *request.DryRun
	if only || !yes {
		request.DryRun = new(true)
		would, err := c.DeleteMessages(cmd.Context(), request)
		switch {
		case err != nil:
			return err
		case only && r.asJSON:
			return p.printJSON(would)
		case only:
			return p.say("%s would be deleted.\n", describeMessages(would))
		case would.Count == 0:
			return errNoMessage
		}
		if err := p.confirmMessages(describeMessages(would)); err != nil {
			return err
		}
	}
	request.DryRun = nil
	p.soFar.is("the delete was already sent. The service deleted either all of the messages or none; `lethe delete-message %s` lists what is left", request.ConversationID)
	did, err := c.DeleteMessages(cmd.Context(), request)
	if err != nil {
		return err
	}
	if r.asJSON {
		return p.printJSON(did)
	}
	if did.Count == 0 {
		return errNoMessage
	}
	for _, id := range did.Deleted {
		if err := p.say("%s\n", id); err != nil {
			return err
		}
	}
	p.note("Deleted %s.", describeMessages(did))
	return nil
}

var errNoMessage = fault.NotFoundf("the conversation has none of these messages; nothing was deleted")

// confirmMessages asks whether to delete. Messages are named by their ids, so a script need not
// confirm.
func (p *program) confirmMessages(what string) error {
	if !p.terminal {
		return nil
	}
	p.note("This deletes %s. There is no undo.", what)
	return p.agree(bufio.NewReader(p.stdin), "Delete?")
}

// describeMessages describes what a delete of messages deletes.
func describeMessages(a api.DeleteMessagesAnswer) string {
	said := []string{count(a.Count, "message")}
	if a.Passages != nil {
		said = append(said, count(*a.Passages, "passage"))
	}
	if a.ConversationDeleted {
		said = append(said, "the whole conversation, of which no message is left")
	} else if a.TitleChanges != nil && *a.TitleChanges {
		said = append(said, "the title, which quotes it")
	}
	return strings.Join(said, ", ")
}
