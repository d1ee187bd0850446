// Command lethe-eval measures how well search finds things. It is a tool for those who
// change Lethe, and no part of what is shipped.
//
// It uploads a dataset in LoCoMo's format through the service's own API, asks its
// questions and counts how often the evidence is among the first 5, 10 and 20 results.
// The service runs for this alone, on a database that is thrown away: a new SQLite
// file, or workspaces of their own in a PostgreSQL, which are deleted at the end.
// Dialogues 1 to 5 are for tuning, 6 to 10 for reporting; both are printed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/lethe-chat/lethe/internal/evaluate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program, so that a test can start it. It returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	m := measurement{environ: environ, stdout: stdout}
	flags := flag.NewFlagSet("lethe-eval", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&m.dataset, "dataset", "", "the dataset's file")
	flags.StringVar(&m.database, "database-url", "", "a PostgreSQL to measure on instead of SQLite")
	layouts := flags.String("layout", string(evaluate.Turns)+","+string(evaluate.Chunks), "turns, chunks, or both")
	modes := flags.String("mode", "keyword,semantic,hybrid", "keyword, semantic, hybrid, or several of them")
	flags.BoolVar(&m.asJSON, "json", false, "print JSON, one score a line")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	m.layouts, m.modes = strings.Split(*layouts, ","), strings.Split(*modes, ",")
	if err := m.run(ctx); err != nil {
		fmt.Fprintf(stderr, "lethe-eval: %v\n", err)
		return 1
	}
	return 0
}
