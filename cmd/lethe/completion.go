package main

import "github.com/spf13/cobra"

// completes lets the shell complete the values of a flag. Values from the database or the service are not completed,
// because the Tab key must not wait for them.
func completes(cmd *cobra.Command, flag string, values ...string) {
	fixed := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, fixed); err != nil {
		panic(err) // the command has no such flag
	}
}
