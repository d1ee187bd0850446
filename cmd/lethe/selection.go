package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// selection has the flags that select conversations for export and delete.
type selection struct {
	options  client.ListOptions
	from, to string
}

func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.options.Provider, "platform", "", "only conversations of this platform")
	cmd.Flags().StringVar(&s.options.Title, "title", "", "only titles that contain this text, in upper or lower case")
	cmd.Flags().StringVar(&s.from, "from", "", "only conversations created on this day or later, such as 2026-03-01")
	cmd.Flags().StringVar(&s.to, "to", "", "only conversations created on this day or earlier")
	cmd.Flags().BoolVar(&s.options.PinnedOnly, "pinned", false, "only pinned conversations")
	sourceFlags(cmd, &s.options)
	cmd.Flags().StringVar(&s.options.ImportID, "import", "", "only conversations that the import with this id created")
}

// sourceFlags adds the flags that select conversations by properties from their source.
func sourceFlags(cmd *cobra.Command, o *client.ListOptions) {
	cmd.Flags().BoolFunc("archived", "only conversations that are archived at their source; =false for the others", into(&o.Archived))
	cmd.Flags().BoolFunc("starred", "only conversations that are starred at their source; =false for the others", into(&o.Starred))
	cmd.Flags().StringVar(&o.Project, "project", "", "only conversations of this project of their source")
}

// into returns a function that sets a value with three states: true, false and not given.
func into(value **bool) func(string) error {
	return func(text string) error {
		b, err := strconv.ParseBool(text)
		*value = &b
		return err
	}
}

// read reads the dates. It returns Invalid when one is not a day.
func (s *selection) read() (err error) {
	if s.options.CreatedFrom, err = day("from", s.from); err != nil {
		return err
	}
	s.options.CreatedTo, err = day("to", s.to)
	if err == nil && s.to != "" { // up to the end of that day
		s.options.CreatedTo = s.options.CreatedTo.AddDate(0, 0, 1).Add(-time.Millisecond)
	}
	return err
}

func day(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, fault.Invalidf("--%s must be a day such as 2026-03-01", flag)
	}
	return t, nil
}

// given reports whether any of the flags was given.
func (s *selection) given() bool { return s.options != client.ListOptions{} }

// filter returns the selection as a filter for a delete; nil for none.
func (s *selection) filter() *api.DeleteFilter {
	if !s.given() {
		return nil
	}
	f := &api.DeleteFilter{
		Provider: notEmpty(s.options.Provider), Title: notEmpty(s.options.Title), ImportID: notEmpty(s.options.ImportID),
		DateFrom: notEmpty(s.from), DateTo: notEmpty(s.to),
		Archived: s.options.Archived, Starred: s.options.Starred, Project: notEmpty(s.options.Project),
	}
	if s.options.PinnedOnly {
		f.Pinned = &s.options.PinnedOnly
	}
	return f
}

func notEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
