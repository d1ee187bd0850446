package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/mcp/relay"
)

func (p *program) mcpCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Let an assistant use the chat history (MCP)",
		Long: "Speak the Model Context Protocol on standard input and output, for assistants that start their\n" +
			"servers themselves. It needs a running service (lethe serve).\n\n" +
			"`lethe mcp config` prints what to paste into the configuration of your assistant.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return relay.Run(cmd.Context(), relay.Options{
				Version: release(), In: io.NopCloser(p.stdin), Out: unclosed{p.stdout},
				Find: func(ctx context.Context) (string, string, error) { return p.serviceAndKey(ctx, r) },
			})
		},
	}
	r.connection(cmd)
	cmd.AddCommand(p.mcpConfigCommand())
	return cmd
}

// unclosed is a writer that stays open.
type unclosed struct{ io.Writer }

// Close does nothing.
func (unclosed) Close() error { return nil }

func (p *program) mcpConfigCommand() *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print what to paste for Claude, Cursor, VS Code, Codex, Gemini CLI and others",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address := url
			if address == "" {
				c, err := p.config()
				if err != nil {
					return err
				}
				address = "http://" + callable(c.Addr)
				if found, _, err := p.serviceAndKey(cmd.Context(), remote{}); err == nil {
					address = found
				}
			}
			return p.say("%s", strings.ReplaceAll(mcpConfig, "URL", strings.TrimRight(address, "/")+"/mcp"))
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "address of the service (default: your service on this machine)")
	return cmd
}

// mcpConfig is what to paste for each client. URL is the address.
const mcpConfig = `Your own service on this machine needs no key with "lethe mcp". The address URL needs one:

  lethe keys create --workspace default --name assistant --scopes read

A key with the scope read cannot delete. Put it where KEY stands. docs/mcp.md has more.

Claude Code
  claude mcp add lethe -- lethe mcp
  claude mcp add --transport http lethe URL --header "Authorization: Bearer KEY"

Claude Desktop (claude_desktop_config.json), Cursor (~/.cursor/mcp.json), Windsurf, Cline
  { "mcpServers": { "lethe": { "command": "lethe", "args": ["mcp"] } } }

Cursor, by address
  { "mcpServers": { "lethe": { "url": "URL", "headers": { "Authorization": "Bearer KEY" } } } }

VS Code (.vscode/mcp.json)
  { "servers": { "lethe": { "type": "stdio", "command": "lethe", "args": ["mcp"] } } }
  { "servers": { "lethe": { "type": "http", "url": "URL", "headers": { "Authorization": "Bearer KEY" } } } }

Codex (~/.codex/config.toml)
  [mcp_servers.lethe]
  command = "lethe"
  args = ["mcp"]

Gemini CLI (~/.gemini/settings.json)
  { "mcpServers": { "lethe": { "command": "lethe", "args": ["mcp"] } } }
  { "mcpServers": { "lethe": { "httpUrl": "URL", "headers": { "Authorization": "Bearer KEY" } } } }

Zed (settings.json)
  { "context_servers": { "lethe": { "command": "lethe", "args": ["mcp"] } } }
`
