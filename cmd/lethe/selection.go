package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// selection are the flags that choose conversations, the same for export and
// delete.
type selection struct {
	options  client.ListOptions
	from, to string
}

func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.options.Provider, "platform", "", "only this platform")
	cmd.Flags().StringVar(&s.options.Title, "title", "", "only titles with this in them, in either case")
	cmd.Flags().StringVar(&s.from, "from", "", "only those created on this day (2026-03-01) or later")
	cmd.Flags().StringVar(&s.to, "to", "", "only those created on this day or earlier")
	cmd.Flags().BoolVar(&s.options.PinnedOnly, "pinned", false, "only pinned ones")
	cmd.Flags().StringVar(&s.options.ImportID, "import", "", "only those that this upload or import created")
}

// read checks the dates.
func (s *selection) read() (err error) {
	if s.options.CreatedFrom, err = day("from", s.from); err != nil {
		return err
	}
	s.options.CreatedTo, err = day("to", s.to)
	if err == nil && s.to != "" { // the whole day counts
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

// given reports whether any flag was used.
func (s *selection) given() bool { return s.options != client.ListOptions{} }

// filter is the selection as a delete takes it.
func (s *selection) filter() *api.DeleteFilter {
	if !s.given() {
		return nil
	}
	f := &api.DeleteFilter{
		Provider: notEmpty(s.options.Provider), Title: notEmpty(s.options.Title), ImportID: notEmpty(s.options.ImportID),
		DateFrom: notEmpty(s.from), DateTo: notEmpty(s.to),
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
