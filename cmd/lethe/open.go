package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"
)

func (p *program) openCommand() *cobra.Command {
	var r remote
	var printOnly bool
	cmd := &cobra.Command{
		Use:   "open",
		Short: "Open the page in a browser, signed in",
		Long: "Open the page of the service in a browser. The address contains a one-time code, with which the\n" +
			"page signs in without a key. The code can be used once, within five minutes, on the machine of\n" +
			"the service.",
		Example: "  lethe open\n  lethe open --print",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, address, err := p.clientAt(cmd.Context(), r)
			if err != nil {
				return err
			}
			made, err := c.PageCode(cmd.Context())
			if err != nil {
				return err
			}
			page := address + "/#code=" + made.Code
			if !printOnly && p.terminal && showInBrowser(cmd.Context(), page) {
				p.note("Opened in your browser: %s", page)
				return nil
			}
			fmt.Fprintln(p.stdout, page)
			return nil
		},
	}
	cmd.Flags().BoolVar(&printOnly, "print", false, "print the address instead of opening it")
	r.connection(cmd)
	return cmd
}

// showInBrowser asks the system to open an address. It reports whether the system has a program for that.
func showInBrowser(ctx context.Context, address string) bool {
	command := []string{"xdg-open", address}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open", address}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler", address}
	}
	return exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...).Start() == nil //nolint:gosec // the service's own address
}
