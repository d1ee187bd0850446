package main

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lethe-chat/lethe/internal/fault"
)

// refuseEmpty returns Invalid when a flag was given without a value, as --to "$DAY" is
// when DAY is not set. It must not count as absent: a delete would take more than what
// was meant.
func refuseEmpty(flags *pflag.FlagSet) error {
	var problems []error
	flags.Visit(func(f *pflag.Flag) {
		if strings.TrimSpace(f.Value.String()) == "" {
			problems = append(problems, fault.Invalidf("--%s is empty; give it a value or leave it out", f.Name))
		}
	})
	return errors.Join(problems...)
}
