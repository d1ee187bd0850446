package main

import (
	"bufio"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
)

func (p *program) deleteCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete conversations with everything that belongs to them, for good",
		Long: "Delete conversations with their messages, passages and vectors. There is no undo.\n" +
			"With the one argument - the ids are read from standard input, one a line.",
		Example: "  lethe delete 01a2017b-a6c6-7b09-8e3c-bd716f080d91\n" +
			"  lethe list --json --title draft | jq -r '.items[].id' | lethe delete -",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			if len(ids) == 1 && ids[0] == "-" {
				var err error
				if ids, err = lines(cmd.InOrStdin()); err != nil {
					return err
				}
			}
			c, err := p.client(r)
			if err != nil {
				return err
			}
			answer, err := c.Delete(cmd.Context(), ids...)
			if err != nil {
				return err
			}
			if r.asJSON {
				return p.printJSON(answer)
			}
			for _, id := range answer.Deleted {
				if err := p.say("%s\n", id); err != nil {
					return err
				}
			}
			if answer.Count == 0 {
				return fault.NotFoundf("none of these conversations exists")
			}
			return nil
		},
	}
	r.flags(cmd)
	return cmd
}

func lines(in io.Reader) (all []string, err error) {
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			all = append(all, line)
		}
	}
	return all, scanner.Err()
}
