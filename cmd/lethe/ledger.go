package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/ledger"
	"github.com/lethe-chat/lethe/internal/store"
)

func (p *program) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Look at the ledger of deletes, or give it up",
		Long: "The ledger of deletes (LETHE_LEDGER) makes a restored backup forget what was deleted after it was\n" +
			"taken. A service uses it by itself. These commands are for what it cannot decide. docs/erasure.md\n" +
			"explains the ledger.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.ledgerStatusCommand(), p.ledgerAcceptCommand(), p.ledgerForgetCommand())
	return cmd
}

func (p *program) ledgerStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how far the database and its ledger are",
		Long:  "Show how far the database and its ledger are, and how many deletes wait for the ledger.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withLedger(cmd.Context(), func(l *ledger.Ledger) error {
				s, err := l.Status(cmd.Context())
				if err != nil {
					return err
				}
				return p.printLedger(s)
			})
		},
	}
}

func (p *program) printLedger(s ledger.Status) error {
	t := newTable(p.stdout, "", "LEDGER", "POSITION")
	one, other := "none", "none"
	if s.Database.Attached {
		one = hex.EncodeToString(s.Database.ID[:])
	}
	if s.Found {
		other = hex.EncodeToString(s.Head.ID[:])
	}
	t.row("the database knows", one, fmt.Sprint(s.Database.Position))
	t.row(s.Place, other, fmt.Sprint(s.Head.Last))
	kept := uint64(0)
	if s.Found {
		kept = s.Head.Last + 1 - s.Head.First
	}
	return errors.Join(t.print(), p.say("\nThe ledger keeps %s. %s for it.\n", thousands(int(kept), "record"), waits(s.Owed))) //nolint:gosec // counts records
}

func waits(n int) string {
	if n == 1 {
		return "1 record waits"
	}
	return fmt.Sprintf("%d records wait", n)
}

func (p *program) ledgerAcceptCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "accept",
		Short: "Accept a backup that is older than the records of the ledger",
		Long: "Accept a backup that is older than the records of the ledger. What the ledger still knows is deleted\n" +
			"now. What was deleted before its oldest record and after the backup is back.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withLedger(cmd.Context(), func(l *ledger.Ledger) error {
				if err := l.Open(cmd.Context(), true); err != nil {
					return err
				}
				return p.say("The database and its ledger are at the same state.\n")
			})
		},
	}
}

func (p *program) ledgerForgetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "forget",
		Short: "Make the database one without a ledger",
		Long: "Make the database one without a ledger. The ledger itself is left as it is. From then on, a backup\n" +
			"that is restored brings back what was deleted after it. When a service starts with LETHE_LEDGER again,\n" +
			"deletes that left a tombstone are added to that ledger.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return fault.Invalidf("add --yes to forget the ledger: from then on, a backup brings back what was deleted after it")
			}
			return p.withStore(cmd.Context(), app.ToLook, func(s *store.Store) error {
				if err := s.InDeletingTx(cmd.Context(), func(tx *store.Tx) error { return tx.ForgetLedger() }); err != nil {
					return err
				}
				return p.say("The database has no ledger. Restart the services that use it.\n")
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it (required)")
	return cmd
}

// withLedger opens the database and the configured ledger.
func (p *program) withLedger(ctx context.Context, fn func(*ledger.Ledger) error) (err error) {
	c, err := p.config()
	if err != nil {
		return err
	}
	if c.Ledger == "" {
		return fault.Invalidf("LETHE_LEDGER is not set; set it to where the ledger of deletes is")
	}
	s, l, err := app.OpenWithLedger(ctx, c, p.logger(c), app.ToLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return fn(l)
}
