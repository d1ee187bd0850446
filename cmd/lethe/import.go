package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

func (p *program) importCommand() *cobra.Command {
	var r remote
	var restore bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Store the conversations of an exported file",
		Long: "Store the conversations of a file that `lethe export` wrote, or of any file with one upload per\n" +
			"line as JSON. If FILE is -, standard input is read. A file can be imported again: what is\n" +
			"stored already does not change.\n\n" +
			"Conversations that were deleted here stay deleted, unless --restore-deleted is given.",
		Example: "  lethe import all.jsonl\n" +
			"  lethe import --restore-deleted old.jsonl",
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
				n := int(lines.n.Load())
				return count(n, "line") + " " + wasWere(n) + " read, and their conversations may be stored. " +
					"To store the rest, import the file again: what is stored already does not change"
			})
			answer, err := c.ImportFile(cmd.Context(), lines, restore)
			if err != nil {
				return err
			}
			return p.sayImported(r.asJSON, answer)
		},
	}
	cmd.Flags().BoolVar(&restore, "restore-deleted", false, "also store conversations that were deleted here")
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
	if err := p.say("%s.\n", importSummary(a)); err != nil {
		return err
	}
	if a.Failed > 0 {
		return fault.Invalidf("%s could not be stored", count(a.Failed, "line"))
	}
	return nil
}

// importSummary tells what became of the lines of a file.
func importSummary(a api.ImportAnswer) string {
	parts := []string{"Stored " + count(a.Conversations, "conversation")}
	if a.Deleted > 0 {
		parts = append(parts, fmt.Sprintf("skipped %d deleted here before (--restore-deleted stores them)", a.Deleted))
	}
	if a.Excluded > 0 {
		parts = append(parts, fmt.Sprintf("skipped %d excluded (`lethe lift` accepts them again)", a.Excluded))
	}
	return strings.Join(parts, "; ")
}
