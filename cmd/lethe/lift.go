package main

import (
	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/pkg/api"
)

func (p *program) liftCommand() *cobra.Command {
	var r remote
	var platform string
	cmd := &cobra.Command{
		Use:   "lift ID...",
		Short: "Take conversations again that were deleted with --exclude",
		Long: "Let uploads of conversations in again that a delete excluded. Name them by the ids that\n" +
			"they had here, or with --platform by those that their platform gives them.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, err := p.client(cmd.Context(), r)
			if err != nil {
				return err
			}
			request := api.LiftRequest{IDs: ids}
			if platform != "" {
				request = api.LiftRequest{Platform: &platform, PlatformConversationIDs: ids}
			}
			n, err := c.LiftExclusions(cmd.Context(), request)
			if err != nil {
				return err
			}
			if r.asJSON {
				return p.printJSON(api.LiftAnswer{Lifted: n})
			}
			return p.say("%d of %d were excluded and are so no more\n", n, len(ids))
		},
	}
	cmd.Flags().StringVar(&platform, "platform", "", "the ids are this platform's own")
	r.flags(cmd)
	return cmd
}
