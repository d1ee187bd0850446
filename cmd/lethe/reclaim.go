package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

func (p *program) reclaimCommand() *cobra.Command {
	var now, full bool
	cmd := &cobra.Command{
		Use:   "reclaim",
		Short: "Reclaim the storage of what was deleted, without waiting for the service",
		Long: "Reclaim the storage of what was deleted and write so into the receipts. A running\n" +
			"service does it by itself: on SQLite right after each delete, on PostgreSQL when it\n" +
			"pays. docs/erasure.md says what each database can promise.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !now {
				return fault.Invalidf("say --now: it may take minutes on a large database")
			}
			return p.withStore(cmd.Context(), app.ToLook, func(s *store.Store) error {
				p.soFar.is("some storage may be reclaimed; `lethe reclaim --now` or the service does the rest")
				var settled int
				err := s.Exclusively(cmd.Context(), func(ctx context.Context) (err error) {
					settled, err = s.Reclaim(ctx, store.Reclaiming{Full: full})
					return err
				})
				if err != nil {
					return err
				}
				return p.say("reclaimed the storage of %d deletes\n", settled)
			})
		},
	}
	cmd.Flags().BoolVar(&now, "now", false, "do it")
	cmd.Flags().BoolVar(&full, "full", false, "also rewrite the tables, so that their files hold nothing but their rows; blocks everybody meanwhile")
	return cmd
}
