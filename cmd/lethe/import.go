package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

func (p *program) importCommand() *cobra.Command {
	var r remote
	var restore bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Store the conversations of a file that `lethe export` wrote",
		Long: "Store the conversations of a file that `lethe export` wrote, or of any with one upload a\n" +
			"line; - is standard input. Sending a file again changes nothing. What was deleted here\n" +
			"stays deleted, because an old file is no wish to have it again: --restore-deleted is.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			c, err := p.client(cmd.Context(), r)
			if err != nil {
				return err
			}
			in := p.stdin
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return fault.Wrap(fault.Invalid, err, "%s cannot be read", args[0])
				}
				defer file.Close()
				in = file
			}
			lines := &lineCounter{in: in}
			p.soFar.follows(func() string {
				return counted(int(lines.n.Load()), "%d line was read", "%d lines were read") +
					", and their conversations may be stored. To store the rest, import the file again: what is stored already does not change"
			})
			answer, err := c.ImportFile(cmd.Context(), lines, restore)
			if err != nil {
				return err
			}
			return p.sayImported(r.asJSON, answer)
		},
	}
	cmd.Flags().BoolVar(&restore, "restore-deleted", false, "store conversations too that were deleted here before")
	r.flags(cmd)
	return cmd
}

func (p *program) sayImported(asJSON bool, a api.ImportAnswer) error {
	if asJSON {
		return p.printJSON(a)
	}
	for _, problem := range a.Problems {
		if err := p.say("line %d: %s\n", problem.Line, problem.Reason); err != nil {
			return err
		}
	}
	err := p.say("%d conversations stored, %d left deleted, %d excluded, %d failed\n", a.Conversations, a.Deleted, a.Excluded, a.Failed)
	if err == nil && a.Failed > 0 {
		return fault.Invalidf("%d lines could not be stored", a.Failed)
	}
	return err
}
