package main

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lethe-chat/lethe/internal/fault"
)

// refuseEmpty returns Invalid when a flag has an empty value, as in --to "$DAY" when DAY is not set. If that counted
// as no flag, a delete would delete too much.
func refuseEmpty(flags *pflag.FlagSet) error {
	var problems []error
	flags.Visit(func(f *pflag.Flag) {
		if strings.TrimSpace(f.Value.String()) == "" {
			problems = append(problems, fault.Invalidf("--%s is empty; give it a value or leave it out", f.Name))
		}
	})
	return errors.Join(problems...)
}
