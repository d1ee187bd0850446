package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
)

// These errors set the exit code to 1, for scripts.
var (
	errUnhealthy  = errors.New("problems were found; `lethe doctor --fix` repairs what can be repaired")
	errUnrepaired = errors.New("some problems could not be repaired")
	errUnproven   = errors.New("the delete is not proven")
)

func (p *program) doctorCommand() *cobra.Command {
	var fix, asJSON bool
	var receipt string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the database for inconsistencies",
		Long: "Check the database for inconsistencies: rows without a conversation, passages without a\n" +
			"vector, wrong counters, overdue indexing, broken indexes. Also print which models search and\n" +
			"recall use. The service may be running. The exit code is 1 if problems remain.\n\n" +
			"With --receipt, check one delete instead: search every table for anything that is left of it,\n" +
			"and print when its storage was reclaimed. The exit code is 0 only if nothing is left and the\n" +
			"storage is reclaimed.",
		Example: "  lethe doctor\n" +
			"  lethe doctor --fix\n" +
			"  lethe doctor --receipt 01a2017b-a6c6-7b09-8e3c-bd716f080d91",
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
	cmd.Flags().StringVar(&receipt, "receipt", "", "check the delete with this receipt (GET /api/chat-history/deletions lists receipts)")
	cmd.Flags().BoolVar(&fix, "fix", false, "repair what can be repaired, then check again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one finding per line")
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
	switch {
	case wrong(findings) > 0 && fix:
		return errUnrepaired
	case wrong(findings) > 0:
		return errUnhealthy
	case !asJSON:
		p.note("\nNo problems found.")
	}
	return nil
}

// printModels prints the models of a service with this environment.
func (p *program) printModels() error {
	c, err := p.config()
	if err != nil {
		return err
	}
	if err := p.say("\n"); err != nil {
		return err
	}
	t := newTable(p.stdout)
	for _, m := range c.Models() {
		t.row(m.Key, m.Value.String())
	}
	return t.print()
}

// prove searches the database for anything that is left of one delete.
func (p *program) prove(ctx context.Context, s *store.Store, id string, asJSON bool) error {
	receipt, findings, err := s.Prove(ctx, chat.DeletionID(id))
	if err != nil {
		return err
	}
	storage := store.Finding{Check: "storage", Detail: "the rows are deleted; `lethe reclaim --now` erases their storage"}
	if receipt.ReclaimedAt == nil {
		storage.Count = 1
	}
	findings = append(findings, storage)
	if !asJSON {
		if err := p.printReceipt(receipt); err != nil {
			return err
		}
	}
	if err := p.printFindings(findings, asJSON); err != nil {
		return err
	}
	if wrong(findings) > 0 {
		return errUnproven
	}
	if !asJSON {
		p.note("\nNothing is left of this delete.")
	}
	return nil
}

func (p *program) printReceipt(d chat.Deletion) error {
	t := newTable(p.stdout, "DELETED", "BY KEY", "CONVERSATIONS", "MESSAGES", "PASSAGES", "VECTORS", "STORAGE RECLAIMED")
	t.row(date(&d.DeletedAt), d.KeyID, strconv.Itoa(d.Conversations), strconv.Itoa(d.Messages), strconv.Itoa(d.Chunks), strconv.Itoa(d.Embeddings), date(d.ReclaimedAt))
	return errors.Join(t.print(), p.say("\n"))
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
	t := newTable(p.stdout, "CHECK", "RESULT", "DETAIL")
	for _, f := range findings {
		state, detail := "ok", f.Note
		if f.Count > 0 {
			state, detail = count(f.Count, "problem"), f.Detail
		}
		t.row(f.Check, state, detail)
	}
	return t.print()
}
