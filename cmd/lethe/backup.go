package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/store"
)

func (p *program) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup PATH",
		Short: "Write a checked copy of the SQLite file, while the service runs",
		Long: "Write a consistent copy of the SQLite file to PATH, which must not exist. The service may be running, and\n" +
			"nobody waits. The copy is checked as `lethe doctor` does before it gets its name, and only you can read it.\n\n" +
			"To restore it, stop the service, delete lethe.db-wal and lethe.db-shm, and put the copy in the place of\n" +
			"lethe.db. A backup contains what is deleted later; with LETHE_LEDGER, a service that starts on a restored\n" +
			"backup deletes it again (docs/erasure.md). PostgreSQL has its own tools for backups (docs/operations.md).",
		Example: "  lethe backup /mnt/backups/lethe-2026-03-01.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			return p.withStore(cmd.Context(), app.ToLook, func(s *store.Store) error { return p.backup(cmd.Context(), s, paths[0]) })
		},
	}
}

func (p *program) backup(ctx context.Context, s *store.Store, path string) error {
	p.soFar.is("no backup was written")
	var shown time.Time
	pages := 0
	err := s.Backup(ctx, path, func(done, of int) {
		pages = of
		if p.terminal && time.Since(shown) > redrawEvery {
			shown = time.Now()
			fmt.Fprintf(p.stderr, "Copied %d%%, then the copy is checked\n", done*100/max(1, of))
		}
	})
	if err != nil {
		return err
	}
	return p.say("Wrote %s: %s, checked.\n", path, count(pages, "page"))
}
