package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A flag with an empty value is refused and not ignored, because a delete would otherwise delete too much.
func TestAnEmptyFlagDeletesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		id := service.Upload(t, "1", "one")
		s := shell{t: t, environ: db.Environ(), key: apptest.Key}
		for _, flag := range []string{"--to", "--from", "--title", "--import"} {
			for _, empty := range []string{"", " "} {
				_, stderr := s.typing(exitFailure, "", "delete", "--platform", "custom", flag, empty, "--yes", "--url", service.URL)
				require.Contains(t, stderr, flag+" is empty", "%q", empty)
			}
		}
		_, stderr := s.typing(exitFailure, "", "delete", "--platform", "", "--to", "2099-12-31", "--yes", "--url", service.URL)
		require.Contains(t, stderr, "--platform is empty")
		service.Ready(t, id) // it was not deleted
	})
}

// Every command refuses every empty flag, including flags that are added later.
func TestEveryEmptyFlagIsRefused(t *testing.T) {
	tried := 0
	var walk func(path []string, cmd *cobra.Command)
	walk = func(path []string, cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(append(path[:len(path):len(path)], sub.Name()), sub)
		}
		if !cmd.Runnable() || cmd.Name() == "help" || cmd.Name() == "completion" {
			return
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "string" {
				return
			}
			args := append(path[:len(path):len(path)], "--"+f.Name, "")
			if cmd.ValidateArgs(nil) != nil {
				args = append(args, "one")
			}
			var said strings.Builder
			p := &program{environ: []string{"LETHE_DATA_DIR=" + t.TempDir()}, stdout: io.Discard, stderr: &said, stdin: strings.NewReader("")}
			require.NotEqual(t, exitOK, p.run(t.Context(), args), "%v", args)
			require.Contains(t, said.String(), "--"+f.Name+" is empty", "%v", args)
			tried++
		})
	}
	walk(nil, (&program{stdout: io.Discard, stderr: io.Discard}).command())
	require.Greater(t, tried, 20)
}
