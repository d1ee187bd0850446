package main

import "github.com/spf13/cobra"

// completes tells the shell the values of a flag. What would need the database or
// the service is not completed: a key press must neither wait nor open anything.
func completes(cmd *cobra.Command, flag string, values ...string) {
	fixed := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, fixed); err != nil {
		panic(err) // the command has no such flag
	}
}
