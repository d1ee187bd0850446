package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
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
		Short: "Make, list and revoke API keys",
		Long:  "Make, list and revoke API keys. The commands work on the database itself, beside a\nrunning service, which knows of the change at once.",
	}
	keys.AddCommand(p.createKeyCommand(), p.listKeysCommand(), p.revokeKeyCommand())
	return keys
}

func (p *program) createKeyCommand() *cobra.Command {
	var workspace, name, scopes string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a key and print it, alone, on standard output",
		Long:  "Make a key and print it, alone, on standard output. It is shown this once: only its\nhash is kept. A workspace that is new is made.",
		Example: "  lethe keys create --workspace default --name laptop --scopes read,write\n" +
			"  KEY=$(lethe keys create --workspace team --name reader --scopes read)",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parsed, err := auth.ParseScopes(scopes)
			if err != nil {
				return err
			}
			return p.withAdministration(cmd.Context(), app.ToBegin, func(a history.Administration) error {
				key, token, err := a.CreateKey(cmd.Context(), workspace, name, parsed)
				if err != nil {
					return err
				}
				fmt.Fprintf(p.stderr, "key %q for workspace %q, scopes %s, id %s\n", key.Name, key.WorkspaceName, auth.JoinScopes(key.Scopes), key.ID)
				_, err = fmt.Fprintln(p.stdout, token)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&workspace, "workspace", chat.DefaultWorkspace, "the workspace that the key opens")
	cmd.Flags().StringVar(&name, "name", "unnamed", "what the key is for, to tell it from others")
	cmd.Flags().StringVar(&scopes, "scopes", "read,write", "what it may do: read, write, or both")
	completes(cmd, "scopes", "read", "write", "read,write")
	return cmd
}

func (p *program) listKeysCommand() *cobra.Command {
	var workspace string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys, without their secrets",
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
	cmd.Flags().StringVar(&workspace, "workspace", "", "only the keys of this workspace")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one key a line")
	return cmd
}

func (p *program) revokeKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID|PREFIX",
		Short: "Make a key useless from now on",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withAdministration(cmd.Context(), app.ToLook, func(a history.Administration) error {
				key, err := a.RevokeKey(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "revoked %s (%q, workspace %q)\n", key.ID, key.Name, key.WorkspaceName)
				return err
			})
		},
	}
}

func (p *program) printKeys(keys []auth.Key) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tPREFIX\tWORKSPACE\tNAME\tSCOPES\tCREATED\tLAST USED\tREVOKED")
	for _, k := range keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Prefix, k.WorkspaceName, k.Name,
			auth.JoinScopes(k.Scopes), date(&k.CreatedAt), date(k.LastUsedAt), date(k.RevokedAt))
	}
	return table.Flush()
}

func date(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04")
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
			CreatedAt  time.Time    `json:"createdAt"`
			LastUsedAt *time.Time   `json:"lastUsedAt"`
			RevokedAt  *time.Time   `json:"revokedAt"`
		}{k.ID, k.Prefix, k.WorkspaceName, k.Name, k.Scopes, k.CreatedAt, k.LastUsedAt, k.RevokedAt})
		if err != nil {
			return err
		}
	}
	return nil
}
