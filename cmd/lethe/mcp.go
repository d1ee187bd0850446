package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/mcp/relay"
)

func (p *program) mcpCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Let an assistant use the chat history (MCP)",
		Long: "Speak the Model Context Protocol on standard input and output, for assistants that start their\n" +
			"servers themselves. It needs a running service (lethe serve), which may be started later.\n\n" +
			"`lethe mcp config` prints what to paste into the configuration of your assistant.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return relay.Run(cmd.Context(), relay.Options{
				Version: release(), In: io.NopCloser(p.stdin), Out: unclosed{p.stdout},
				Find: func(ctx context.Context) (string, string, error) { return p.serviceAndKey(ctx, r) },
				Note: func(err error) { p.note("lethe: %s", explain(err)) },
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
