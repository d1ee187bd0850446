package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
)

func (p *program) keysCommand() *cobra.Command {
	keys := &cobra.Command{
		Use:   "keys",
		Short: "Create, list and revoke API keys",
		Long:  databaseCommands("Create, list and revoke API keys."),
	}
	keys.AddCommand(p.createKeyCommand(), p.listKeysCommand(), p.revokeKeyCommand())
	return keys
}

func (p *program) createKeyCommand() *cobra.Command {
	var workspace, name, scopes, sender string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a key and print it",
		Long: "Create a key and print it. Standard output has the key and nothing else. It is shown only\n" +
			"once, because Lethe stores only its hash. A workspace that does not exist is created.",
		Example: "  lethe keys create --workspace default --name laptop --scopes read,write\n" +
			"  KEY=$(lethe keys create --workspace team --name reader --scopes read)",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parsed, err := auth.ParseScopes(scopes)
			if err != nil {
				return err
			}
			style, err := auth.ParseSenderStyle(sender)
			if err != nil {
				return err
			}
			return p.withAdministration(cmd.Context(), app.ToBegin, func(a history.Administration) error {
				key, token, err := a.CreateKey(cmd.Context(), workspace, name, parsed, history.WithSenderStyle(style))
				if err != nil {
					return err
				}
				p.note("Created key %q (id %s) for workspace %q with scopes %s. It is shown only once:", key.Name, key.ID, key.WorkspaceName, auth.JoinScopes(key.Scopes))
				_, err = fmt.Fprintln(p.stdout, token)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&workspace, "workspace", chat.DefaultWorkspace, "workspace that the key gives access to")
	cmd.Flags().StringVar(&name, "name", "unnamed", "a name to recognize the key by")
	cmd.Flags().StringVar(&scopes, "scopes", "read,write", "what the key may do: read, write, or both")
	cmd.Flags().StringVar(&sender, "sender-style", "", "how answers name you as a sender: human or user (default: LETHE_SENDER_STYLE)")
	completes(cmd, "sender-style", "human", "user")
	completes(cmd, "scopes", "read", "write", "read,write")
	return cmd
}

func (p *program) listKeysCommand() *cobra.Command {
	var workspace string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List keys, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withAdministration(cmd.Context(), app.ToLook, func(a history.Administration) error {
				keys, err := a.Keys(cmd.Context(), workspace)
				if err != nil {
					return err
				}
				if asJSON {
					return p.printKeysJSON(keys)
				}
				return p.printKeys(keys)
			})
		},
	}
	cmd.Flags().StringVar(&workspace, "workspace", "", "only keys of this workspace")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one key per line")
	return cmd
}

func (p *program) revokeKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID|PREFIX",
		Short: "Revoke a key",
		Long: "Revoke a key. No request with it is accepted from now on. PREFIX is the part of the key\n" +
			"between the underscores, which `lethe keys list` shows.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withAdministration(cmd.Context(), app.ToLook, func(a history.Administration) error {
				key, err := a.RevokeKey(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "Revoked key %q (id %s, workspace %q).\n", key.Name, key.ID, key.WorkspaceName)
				return err
			})
		},
	}
}

func (p *program) printKeys(keys []auth.Key) error {
	if len(keys) == 0 {
		p.note("There are no keys. `lethe keys create` creates one.")
		return nil
	}
	t := newTable(p.stdout, "PREFIX", "WORKSPACE", "NAME", "SCOPES", "CREATED", "LAST USED", "REVOKED", "ID")
	for _, k := range keys {
		t.row(k.Prefix, k.WorkspaceName, k.Name, auth.JoinScopes(k.Scopes), date(&k.CreatedAt), date(k.LastUsedAt), date(k.RevokedAt), k.ID)
	}
	return t.print()
}

func (p *program) printKeysJSON(keys []auth.Key) error {
	out := json.NewEncoder(p.stdout)
	for _, k := range keys {
		err := out.Encode(struct {
			ID         string       `json:"id"`
			Prefix     string       `json:"prefix"`
			Workspace  string       `json:"workspace"`
			Name       string       `json:"name"`
			Scopes     []auth.Scope `json:"scopes"`
			Sender     string       `json:"senderStyle,omitempty"`
			CreatedAt  time.Time    `json:"createdAt"`
			LastUsedAt *time.Time   `json:"lastUsedAt"`
			RevokedAt  *time.Time   `json:"revokedAt"`
		}{k.ID, k.Prefix, k.WorkspaceName, k.Name, k.Scopes, string(k.SenderStyle), k.CreatedAt, k.LastUsedAt, k.RevokedAt})
		if err != nil {
			return err
		}
	}
	return nil
}
