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
		Short: "Index again what could not be indexed",
		Long: "Queue the conversations that could not be indexed, with a new count of attempts. They stay\n" +
			"failed otherwise until they change or a setting of the embedder changes.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !failed {
				return fault.Invalidf("say --failed: only what could not be indexed is indexed again on request")
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
			return p.say("queued %d conversations\n", n)
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "what could not be indexed")
	r.flags(cmd)
	return cmd
}
