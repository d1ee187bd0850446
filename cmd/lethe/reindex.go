package main

import (
	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

func (p *program) reindexCommand() *cobra.Command {
	var r remote
	var failed bool
	cmd := &cobra.Command{
		Use:   "reindex --failed",
		Short: "Retry conversations that could not be indexed",
		Long: "Queue all conversations that could not be indexed, and try them again. Without this they stay\n" +
			"failed until they change or a setting of the embedder changes.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !failed {
				return fault.Invalidf("add --failed: only conversations that could not be indexed can be retried")
			}
			c, err := p.client(cmd.Context(), r)
			if err != nil {
				return err
			}
			n, err := c.ReindexFailed(cmd.Context())
			if err != nil {
				return err
			}
			if r.asJSON {
				return p.printJSON(api.ReindexAnswer{Queued: n})
			}
			return p.say("Queued %s.\n", count(n, "conversation"))
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "retry the conversations that could not be indexed")
	r.flags(cmd)
	return cmd
}
