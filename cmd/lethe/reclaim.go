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
		Short: "Erase the storage of deleted data now",
		Long: "Make the storage of deleted data unreadable, free it, and record this in the receipts. A\n" +
			"running service does so by itself: on SQLite after each delete, on PostgreSQL when enough\n" +
			"was deleted. docs/erasure.md says what each database guarantees.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !now {
				return fault.Invalidf("add --now to start: it may take minutes on a large database")
			}
			return p.withStore(cmd.Context(), app.ToLook, func(s *store.Store) error {
				p.soFar.is("some of the storage may be reclaimed; `lethe reclaim --now` or a running service reclaims the rest")
				var settled int
				err := s.Exclusively(cmd.Context(), func(ctx context.Context) (err error) {
					settled, err = s.Reclaim(ctx, store.Reclaiming{Full: full})
					return err
				})
				if err != nil {
					return err
				}
				return p.say("Reclaimed the storage of %s.\n", count(settled, "delete"))
			})
		},
	}
	cmd.Flags().BoolVar(&now, "now", false, "start (required, because it may take minutes)")
	cmd.Flags().BoolVar(&full, "full", false, "also rewrite the tables, which blocks all other work meanwhile")
	return cmd
}
