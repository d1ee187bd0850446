package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/store"
)

// errUnhealthy makes the exit code 1, for scripts.
var errUnhealthy = errors.New("the database is not as it should be; `lethe doctor --fix` mends what can be mended")

func (p *program) doctorCommand() *cobra.Command {
	var fix, asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look through the whole database for what must never be",
		Long: "Look through the whole database for what must never be: rows of no conversation,\n" +
			"vectors without a passage, counters that drifted, work that nobody does, broken\n" +
			"indexes. It works beside a running service. The exit code is 1 when something is\n" +
			"wrong and was not mended.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.doctor(cmd.Context(), fix, asJSON) },
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "mend what can be mended, then look again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one finding a line")
	return cmd
}

func (p *program) doctor(ctx context.Context, fix, asJSON bool) (err error) {
	c, err := p.config()
	if err != nil {
		return err
	}
	s, err := app.OpenStore(ctx, c, p.logger(c))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
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
	if wrong(findings) > 0 {
		return errUnhealthy
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
			}{f.Check, f.Count, f.Detail, f.Fixable})
			if err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		state, detail := "ok", ""
		if f.Count > 0 {
			state, detail = fmt.Sprint(f.Count, " wrong"), f.Detail
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Check, state, detail)
	}
	return table.Flush()
}
