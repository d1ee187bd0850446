// Command lethe-eval measures the quality of search. It is a tool for developers of Lethe
// and is not shipped.
//
// It uploads a dataset in LoCoMo's format through the service's API, asks the dataset's
// questions, and counts how often the evidence is among the first 5, 10 and 20 results. It
// starts its own service on a temporary database: a new SQLite file, or new workspaces in
// a PostgreSQL database, which are deleted at the end. Dialogues 1 to 5 are for tuning and
// 6 to 10 for reporting; both are printed.
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

// run is the whole program, so that tests can start it. It returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	m := measurement{environ: environ, stdout: stdout}
	flags := flag.NewFlagSet("lethe-eval", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&m.dataset, "dataset", "", "the dataset's file")
	flags.StringVar(&m.database, "database-url", "", "measure on this PostgreSQL database instead of SQLite")
	layouts := flags.String("layout", string(evaluate.Turns)+","+string(evaluate.Chunks), "turns, chunks, or both")
	modes := flags.String("mode", "keyword,semantic,hybrid", "keyword, semantic, hybrid, or several of them")
	flags.BoolVar(&m.digests, "digests", false, "measure digests too: the evidence in them, and questions that should have none")
	flags.Uint64Var(&m.typos, "typos", 0, "misspell the rarest word of each question; the seed of the slips, 0 for none")
	only := flags.String("dialogues", "", "measure only these dialogues, such as 1-5")
	flags.BoolVar(&m.asJSON, "json", false, "print JSON, one score per line")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if _, err := fmt.Sscanf(*only, "%d-%d", &m.first, &m.last); *only != "" && err != nil {
		fmt.Fprintln(stderr, "lethe-eval: -dialogues must be two numbers, such as 1-5")
		return 2
	}
	m.layouts, m.modes = strings.Split(*layouts, ","), strings.Split(*modes, ",")
	if err := m.run(ctx); err != nil {
		fmt.Fprintf(stderr, "lethe-eval: %v\n", err)
		return 1
	}
	return 0
}
