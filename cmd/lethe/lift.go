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
		Short: "Accept excluded conversations again",
		Long: "Accept uploads again of conversations that were deleted with --exclude, and of messages that\n" +
			"were deleted one by one (`lethe delete-message`). Give the ids that the conversations have or had\n" +
			"in Lethe or, with --platform, the ids that they have on that platform.",
		Example: "  lethe lift 01a2017b-a6c6-7b09-8e3c-bd716f080d91\n" +
			"  lethe lift --platform chatgpt 68f0a1c2-0000-8000-9000-000000000000",
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
			lifted, err := c.LiftExclusions(cmd.Context(), request)
			if err != nil {
				return err
			}
			if r.asJSON {
				return p.printJSON(lifted)
			}
			if lifted.LiftedMessages > 0 {
				return p.say("Lifted %d of %s, and %s.\n", lifted.Lifted, count(len(ids), "exclusion"), count(lifted.LiftedMessages, "deleted message"))
			}
			return p.say("Lifted %d of %s.\n", lifted.Lifted, count(len(ids), "exclusion"))
		},
	}
	cmd.Flags().StringVar(&platform, "platform", "", "platform whose ids are given")
	r.flags(cmd)
	return cmd
}
