package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/archive"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

func (p *program) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Store everything that `lethe export --everything` has written",
		Long: "Store everything that `lethe export --everything` has written, as it was: all workspaces, conversations,\n" +
			"imports, receipts and the records of deleted conversations, so that what was deleted stays deleted. FILE\n" +
			"may be compressed with gzip; - is standard input.\n\n" +
			"The database is that of LETHE_DATABASE_URL or LETHE_DATA_DIR, and is created if it does not exist. The\n" +
			"workspaces of the file must be missing there, or empty. Start the service afterwards: it indexes what was\n" +
			"restored. API keys are not in the file; create new ones with `lethe keys create`. A restore that was\n" +
			"interrupted goes on when it is run again with the same file.",
		Example: "  lethe restore everything.jsonl\n" +
			"  LETHE_DATABASE_URL=postgres://... lethe restore everything.jsonl",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error { return p.restore(cmd.Context(), paths[0]) },
	}
}

func (p *program) restore(ctx context.Context, path string) error {
	sources, err := p.openSources([]string{path})
	if err != nil {
		return err
	}
	p.soFar.is("nothing was restored")
	for member, err := range sources[0].Members(ctx) {
		if err != nil {
			return err
		}
		head, err := member.Head(len(archive.Begins))
		if err != nil {
			return err
		}
		if string(head) == archive.Begins {
			return p.restoreMember(ctx, member.Member)
		}
	}
	return fault.Invalidf("%s was not written by `lethe export --everything`; other files are read by `lethe import`", path)
}

func (p *program) restoreMember(ctx context.Context, m format.Member) error {
	var done history.Tally
	err := p.withAdministration(ctx, app.ToBegin, func(a history.Administration) (err error) {
		done, err = a.Restore(ctx, archive.Read(ctx, m), func(t history.Tally) {
			p.soFar.is("%s %s restored. To go on, run it again with the same file", thousands(t.Conversations, "conversation"), wasWere(t.Conversations))
		})
		return err
	})
	if err != nil {
		return err
	}
	return p.say("Restored %s with %s in %s; %s, %s and %s.\n", thousands(done.Conversations, "conversation"), thousands(done.Messages, "message"),
		thousands(done.Workspaces, "workspace"), thousands(done.Imports, "import"), thousands(done.Deletions, "receipt"),
		thousands(done.Tombstones, "tombstone"))
}
