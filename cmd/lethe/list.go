package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/pkg/client"
)

func (p *program) listCommand() *cobra.Command {
	var r remote
	var o client.ListOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the conversations, newest first, a page at a time",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.client(cmd.Context(), r)
			if err != nil {
				return err
			}
			page, err := c.List(cmd.Context(), o)
			if err != nil {
				return err
			}
			if r.asJSON {
				return p.printJSON(page)
			}
			table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
			for _, item := range page.Items {
				fmt.Fprintf(table, "%s\t%s\t%s\t%d messages\t%s\n", item.ID, item.UpdatedAt.UTC().Format(time.DateOnly), item.Platform, item.MessageCount, item.Title)
			}
			fmt.Fprintf(p.stderr, "page %d of %d, %d conversations in all\n", page.Page, page.TotalPages, page.Total)
			return table.Flush()
		},
	}
	cmd.Flags().IntVar(&o.Page, "page", 1, "which page, from 1")
	cmd.Flags().IntVar(&o.PageSize, "page-size", 25, "how many a page, at most 100")
	cmd.Flags().StringVar(&o.Provider, "platform", "", "only this platform")
	cmd.Flags().StringVar(&o.Title, "title", "", "only titles with this in them, in either case")
	cmd.Flags().BoolVar(&o.PinnedOnly, "pinned", false, "only pinned ones")
	r.flags(cmd)
	return cmd
}
