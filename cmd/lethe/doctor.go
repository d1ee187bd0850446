package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/store"
)

// errUnhealthy makes the exit code 1, for scripts.
var errUnhealthy = errors.New("the database is not as it should be; `lethe doctor --fix` mends what can be mended")

var errUnproven = errors.New("the receipt is not proven")

func (p *program) doctorCommand() *cobra.Command {
	var fix, asJSON bool
	var receipt string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look through the whole database for what must never be",
		Long: "Look through the whole database for what must never be: rows of no conversation,\n" +
			"vectors without a passage and the reverse, counters that drifted, work that nobody does, broken\n" +
			"indexes. It works beside a running service, and says which models search and recall use, and how\n" +
			"far a change of the embedder's is. The exit code is 1 when something is wrong and was not mended.\n\n" +
			"With --receipt it looks for anything that is left of one delete instead, and says when\n" +
			"its storage was reclaimed. The exit code is 0 only when both are as they should be.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withStore(cmd.Context(), app.ToLook, func(s *store.Store) error {
				if receipt != "" {
					return p.prove(cmd.Context(), s, receipt, asJSON)
				}
				return p.doctor(cmd.Context(), s, fix, asJSON)
			})
		},
	}
	cmd.Flags().StringVar(&receipt, "receipt", "", "prove the delete with this receipt (GET /api/chat-history/deletions lists them)")
	cmd.Flags().BoolVar(&fix, "fix", false, "mend what can be mended, then look again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one finding a line")
	cmd.MarkFlagsMutuallyExclusive("receipt", "fix")
	return cmd
}

func (p *program) doctor(ctx context.Context, s *store.Store, fix, asJSON bool) error {
	findings, err := s.Examine(ctx)
	if err != nil {
		return err
	}
	if fix && wrong(findings) > 0 {
		if err := s.Mend(ctx); err != nil {
			return err
		}
		if findings, err = s.Examine(ctx); err != nil {
			return err
		}
	}
	if err := p.printFindings(findings, asJSON); err != nil {
		return err
	}
	if !asJSON {
		if err := p.printModels(); err != nil {
			return err
		}
	}
	if wrong(findings) > 0 {
		return errUnhealthy
	}
	return nil
}

// printModels tells which models a service with this environment uses.
func (p *program) printModels() error {
	c, err := p.config()
	if err != nil {
		return err
	}
	for _, m := range c.Models() {
		if err := p.say("%s: %s\n", m.Key, m.Value); err != nil {
			return err
		}
	}
	return nil
}

// prove looks for what is left of one delete.
func (p *program) prove(ctx context.Context, s *store.Store, id string, asJSON bool) error {
	receipt, findings, err := s.Prove(ctx, id)
	if err != nil {
		return err
	}
	storage := store.Finding{Check: "storage not reclaimed", Detail: "rows are gone; `lethe reclaim --now` overwrites what they left"}
	if receipt.ReclaimedAt == nil {
		storage.Count = 1
	}
	findings = append(findings, storage)
	if !asJSON {
		err := p.say("deleted %s by key %s: %d conversations, %d messages, %d passages, %d vectors; storage reclaimed: %s\n",
			receipt.DeletedAt.Format(time.RFC3339), receipt.KeyID, receipt.Conversations, receipt.Messages, receipt.Chunks, receipt.Embeddings,
			date(receipt.ReclaimedAt))
		if err != nil {
			return err
		}
	}
	if err := p.printFindings(findings, asJSON); err != nil {
		return err
	}
	if wrong(findings) > 0 {
		return errUnproven
	}
	return nil
}

func wrong(findings []store.Finding) (n int) {
	for _, f := range findings {
		n += f.Count
	}
	return n
}

func (p *program) printFindings(findings []store.Finding, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(p.stdout)
		for _, f := range findings {
			err := out.Encode(struct {
				Check   string `json:"check"`
				Count   int    `json:"count"`
				Detail  string `json:"detail"`
				Fixable bool   `json:"fixable"`
				Note    string `json:"note,omitempty"`
			}{f.Check, f.Count, f.Detail, f.Fixable, f.Note})
			if err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		state, detail := "ok", f.Note
		if f.Count > 0 {
			state, detail = fmt.Sprint(f.Count, " wrong"), f.Detail
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Check, state, detail)
	}
	return table.Flush()
}
