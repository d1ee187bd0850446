package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

func (p *program) workspacesCommand() *cobra.Command {
	workspaces := &cobra.Command{
		Use:   "workspaces",
		Short: "Create, list and delete workspaces",
		Long:  databaseCommands("Create, list and delete workspaces."),
	}
	workspaces.AddCommand(p.listWorkspacesCommand(), p.createWorkspaceCommand(), p.deleteWorkspaceCommand())
	return workspaces
}

func (p *program) listWorkspacesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List workspaces with their number of conversations",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withAdministration(cmd.Context(), app.ToLook, func(a history.Administration) error {
				all, err := a.Workspaces(cmd.Context())
				if err != nil {
					return err
				}
				return p.printWorkspaces(all, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one workspace per line")
	return cmd
}

func (p *program) printWorkspaces(all []chat.Workspace, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(p.stdout)
		for _, w := range all {
			err := out.Encode(struct {
				Name          string    `json:"name"`
				Conversations int       `json:"conversations"`
				CreatedAt     time.Time `json:"createdAt"`
			}{w.Name, w.Conversations, w.CreatedAt})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		p.note("There are no workspaces. `lethe workspaces create NAME` creates one.")
		return nil
	}
	t := newTable(p.stdout, "NAME", "CONVERSATIONS", "CREATED")
	for _, w := range all {
		t.row(w.Name, strconv.Itoa(w.Conversations), date(&w.CreatedAt))
	}
	return t.print()
}

func (p *program) createWorkspaceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "create NAME",
		Short: "Create an empty workspace",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withAdministration(cmd.Context(), app.ToLook, func(a history.Administration) error {
				if _, err := a.CreateWorkspace(cmd.Context(), args[0]); err != nil {
					return err
				}
				return p.say("Created workspace %q. `lethe keys create --workspace %s` creates a key for it.\n", args[0], args[0])
			})
		},
	}
}

func (p *program) deleteWorkspaceCommand() *cobra.Command {
	var export string
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a workspace with all its conversations and keys",
		Long: "Delete a workspace with all its conversations and keys, in one transaction, and print the\n" +
			"id of the receipt. `lethe doctor --receipt ID` proves the delete. There is no undo; --export\n" +
			"first writes the conversations to a file.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withConversations(cmd.Context(), func(h *history.History) error {
				return p.deleteWorkspace(cmd.Context(), h, args[0], export, yes)
			})
		},
	}
	cmd.Flags().StringVar(&export, "export", "", "first write the conversations to this new file")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for confirmation")
	return cmd
}

// workspacePatience is the time limit for the delete of a workspace, which is one transaction of any size.
const workspacePatience = time.Hour

func (p *program) deleteWorkspace(ctx context.Context, h *history.History, name, export string, yes bool) error {
	p.soFar.is("nothing was deleted")
	a, err := h.Administer(auth.Operator(0))
	if err != nil {
		return err
	}
	w, err := workspaceOf(ctx, a, name)
	if err != nil {
		return err
	}
	if !yes {
		if export, err = p.confirm(fmt.Sprintf("workspace %q with %s and its keys", name, count(w.Conversations, "conversation")), export, false); err != nil {
			return err
		}
	}
	var exported map[chat.ConversationID]int64
	if export != "" {
		exported = make(map[chat.ConversationID]int64) // conversations that change after this point must not be deleted
		err := writeNew(export, func(out io.Writer) error { return exportWorkspace(ctx, h, w.ID, out, exported) })
		if err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, workspacePatience)
	defer cancel()
	receipt, err := a.DeleteWorkspace(ctx, name, exported)
	if err != nil {
		return p.refused(err, export)
	}
	p.note("Deleted workspace %q with %s and %s. The receipt is:", name, count(receipt.Conversations, "conversation"), count(receipt.Messages, "message"))
	return p.say("%s\n", receipt.ID)
}

// exportWorkspace writes the conversations of a workspace and records the revision of
// each.
func exportWorkspace(ctx context.Context, h *history.History, ws chat.WorkspaceID, out io.Writer, exported map[chat.ConversationID]int64) error {
	for c, err := range h.AsOperator(ws).Export(ctx, chat.Filter{}) {
		if err != nil {
			return err
		}
		if err := lethe.Write(out, c.Conversation, c.Parts(ctx), c.PlatformName); err != nil {
			return err
		}
		exported[c.ID] = c.Revision
	}
	return nil
}

func workspaceOf(ctx context.Context, a history.Administration, name string) (chat.Workspace, error) {
	all, err := a.Workspaces(ctx)
	if err != nil {
		return chat.Workspace{}, err
	}
	for _, w := range all {
		if w.Name == name {
			return w, nil
		}
	}
	return chat.Workspace{}, fault.NotFoundf("there is no workspace %q; `lethe workspaces list` lists them", name)
}
