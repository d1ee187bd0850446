package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

func (p *program) listCommand() *cobra.Command {
	var r remote
	var o client.ListOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List conversations, newest first",
		Long:  "List conversations, newest first, one page at a time.",
		Example: "  lethe list --title lisbon\n" +
			"  lethe list --platform chatgpt --page 2",
		Args: cobra.NoArgs,
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
			o.Page, o.PageSize = 0, 0
			return p.printPage(page, o != client.ListOptions{})
		},
	}
	cmd.Flags().IntVar(&o.Page, "page", 1, "page number, starting at 1")
	cmd.Flags().IntVar(&o.PageSize, "page-size", 25, "conversations per page, at most 100")
	cmd.Flags().StringVar(&o.Provider, "platform", "", "only conversations of this platform")
	cmd.Flags().StringVar(&o.Title, "title", "", "only titles that contain this text, in upper or lower case")
	cmd.Flags().BoolVar(&o.PinnedOnly, "pinned", false, "only pinned conversations")
	sourceFlags(cmd, &o)
	r.flags(cmd)
	return cmd
}

// printPage prints the conversations of a page, and on stderr how many more there are.
func (p *program) printPage(page api.ConversationList, filtered bool) error {
	switch {
	case page.Total == 0 && filtered:
		p.note("No conversation matches.")
		return nil
	case page.Total == 0:
		p.note("There are no conversations yet. `lethe import FILE` adds some.")
		return nil
	case len(page.Items) == 0:
		p.note("There is no page %d: %s on %s.", page.Page, count(page.Total, "conversation"), count(page.TotalPages, "page"))
		return nil
	}
	t := newTable(p.stdout, "ID", "UPDATED", "PLATFORM", "MESSAGES", "TITLE")
	for _, item := range page.Items {
		t.row(item.ID, item.UpdatedAt.UTC().Format(time.DateOnly), item.Platform, strconv.Itoa(item.MessageCount), shortTitle(item.Title))
	}
	if err := t.print(); err != nil {
		return err
	}
	shown := count(page.Total, "conversation")
	if page.TotalPages > 1 {
		shown += fmt.Sprintf(", page %d of %d", page.Page, page.TotalPages)
	}
	if page.Page < page.TotalPages {
		shown += fmt.Sprintf(" (--page %d shows the next)", page.Page+1)
	}
	p.note("\n%s.", shown)
	return nil
}
