package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/evaluate"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// measurement is what to measure, and where to print the result.
type measurement struct {
	dataset, database string
	layouts, modes    []string
	asJSON, digests   bool
	typos             uint64 // seed of the slips in the questions; 0 for none
	first, last       int    // dialogues, counted from 1; 0 for all
	environ           []string
	stdout            io.Writer
}

// run uploads the dataset to a new service, asks the questions and prints the scores.
func (m measurement) run(ctx context.Context) (err error) {
	file, err := os.Open(m.dataset)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "-dataset must name a readable file")
	}
	defer file.Close()
	dialogues, err := evaluate.Read(file)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lethe-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := config.Load(append(m.environ, "LETHE_DATA_DIR="+dir, "LETHE_DATABASE_URL="+m.database, "LETHE_ADDR=127.0.0.1:0", "LETHE_API_KEY="))
	if err != nil {
		return err
	}
	return withService(ctx, c, func(ctx context.Context, url string) error {
		return m.measure(ctx, c, url, dialogues)
	})
}

// withService runs the service while fn runs.
func withService(ctx context.Context, c config.Config, fn func(ctx context.Context, url string) error) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a, err := app.New(ctx, app.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	started, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- a.Run(ctx, func(s app.Started) { started <- s.URL }) }()
	select {
	case err := <-done:
		return err
	case url := <-started:
		err := fn(ctx, url)
		stop()
		return errors.Join(err, <-done)
	}
}

func (m measurement) measure(ctx context.Context, c config.Config, url string, dialogues []evaluate.Dialogue) (err error) {
	s, err := app.OpenStore(ctx, c, slog.New(slog.DiscardHandler), app.ToBegin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	a, err := history.New(history.Options{Store: s, Embedder: embed.NewNone()}).Administer(auth.Operator(0))
	if err != nil {
		return err
	}
	var modes []api.SearchMode
	for _, mode := range m.modes {
		modes = append(modes, api.SearchMode(mode))
	}
	for _, layout := range m.layouts {
		got, err := m.measureLayout(ctx, a, url, dialogues, evaluate.Layout(layout), modes)
		if err != nil {
			return err
		}
		if err := m.print(s, layout, modes, got.answers); err != nil {
			return err
		}
		m.printDigests(layout, got)
	}
	return nil
}

// outcome is what was measured of one layout.
type outcome struct {
	answers          []evaluate.Answered
	without, floored []evaluate.Answered // without a floor, and with the floor of a recall
	digests          []evaluate.Recalled
}

// budgets are the token budgets of the digests that are measured.
var budgets = []int{300, 600, 2000}

func (m measurement) measureLayout(ctx context.Context, a history.Administration, url string, dialogues []evaluate.Dialogue, layout evaluate.Layout, modes []api.SearchMode) (all outcome, err error) {
	for i, d := range dialogues {
		if m.last > 0 && (i+1 < m.first || i+1 > m.last) {
			continue
		}
		if m.typos > 0 {
			d = d.Misspelt(m.typos)
		}
		err := inOwnWorkspace(ctx, a, url, d.Name, func(c *client.Client) error {
			u, err := evaluate.Upload(ctx, c, i+1, d, layout)
			if err != nil {
				return err
			}
			return all.add(ctx, u, modes, m.digests)
		})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func (o *outcome) add(ctx context.Context, u evaluate.Uploaded, modes []api.SearchMode, digests bool) error {
	answers, err := u.Search(ctx, modes, nil)
	o.answers = append(o.answers, answers...)
	if err != nil || !digests {
		return err
	}
	hybrid := []api.SearchMode{"hybrid"}
	for floor, to := range map[float64]*[]evaluate.Answered{0: &o.without, rank.RecallFloor: &o.floored} {
		answers, err := u.Search(ctx, hybrid, &floor)
		if err != nil {
			return err
		}
		*to = append(*to, answers...)
	}
	recalled, err := u.Recall(ctx, budgets)
	o.digests = append(o.digests, recalled...)
	return err
}

// inOwnWorkspace runs fn with a new workspace and then deletes the workspace.
func inOwnWorkspace(ctx context.Context, a history.Administration, url, name string, fn func(*client.Client) error) (err error) {
	workspace := fmt.Sprintf("bench %s %d", name, time.Now().UnixNano())
	_, token, err := a.CreateKey(ctx, workspace, "bench", []auth.Scope{auth.Read, auth.Write})
	if err != nil {
		return err
	}
	defer func() {
		_, gone := a.DeleteWorkspace(context.WithoutCancel(ctx), workspace, nil)
		err = errors.Join(err, gone)
	}()
	c, err := client.New(url, token)
	if err != nil {
		return err
	}
	return fn(c)
}

func (m measurement) print(s *store.Store, layout string, modes []api.SearchMode, answers []evaluate.Answered) error {
	table := tabwriter.NewWriter(m.stdout, 0, 0, 2, ' ', 0)
	if !m.asJSON {
		fmt.Fprintf(table, "%s, %s\tquestions\thit@5\thit@10\thit@20\tMRR\tp95\n", s.Name(), layout)
	}
	for _, mode := range modes {
		for _, part := range parts {
			score := evaluate.ScoreOf(answers, func(a evaluate.Answered) bool { return a.Mode == mode && part.passes(a) })
			if m.asJSON {
				err := json.NewEncoder(m.stdout).Encode(struct {
					Database, Layout, Mode, Part string
					evaluate.Score
				}{s.Name(), layout, string(mode), part.name, score})
				if err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", strings.TrimSpace(string(mode)+" "+part.name), score.Questions,
				share(score.Hit5), share(score.Hit10), share(score.Hit20), share(score.MRR), score.P95.Round(100*time.Microsecond))
		}
	}
	return table.Flush()
}

func share(f float64) string { return strings.TrimPrefix(fmt.Sprintf("%.3f", f), "0") }

// parts are the groups of answers that get their own line.
var parts = []struct {
	name   string
	passes func(evaluate.Answered) bool
}{
	{"", func(evaluate.Answered) bool { return true }},
	{"dialogues 1-5", func(a evaluate.Answered) bool { return a.Dialogue <= 5 }},
	{"dialogues 6-10", func(a evaluate.Answered) bool { return a.Dialogue > 5 }},
	{"category 1", func(a evaluate.Answered) bool { return a.Category == 1 }},
	{"category 2", func(a evaluate.Answered) bool { return a.Category == 2 }},
	{"category 3", func(a evaluate.Answered) bool { return a.Category == 3 }},
	{"category 4", func(a evaluate.Answered) bool { return a.Category == 4 }},
}

// printDigests prints what the digests contain, and what the floor of a recall takes away.
func (m measurement) printDigests(layout string, o outcome) {
	for _, part := range []struct {
		name        string
		first, last int
	}{{"1-5", 1, 5}, {"6-10", 6, 10}} {
		in := func(dialogue int) bool { return dialogue >= part.first && dialogue <= part.last }
		kind := func(k evaluate.Kind, tokens int) func(evaluate.Recalled) bool {
			return func(r evaluate.Recalled) bool { return in(r.Dialogue) && r.Kind == k && r.Tokens == tokens }
		}
		empty := func(r evaluate.Recalled) bool { return r.Empty }
		for _, tokens := range budgets {
			found, n := evaluate.ShareOf(o.digests, kind(evaluate.Answerable, tokens), func(r evaluate.Recalled) bool { return r.Evidence })
			if n > 0 {
				fmt.Fprintf(m.stdout, "%s %s: %d questions, an evidence turn whole in a digest of %d tokens: %s\n", layout, part.name, n, tokens, share(found))
			}
		}
		for _, k := range []evaluate.Kind{evaluate.Without, evaluate.Elsewhere} {
			if nothing, n := evaluate.ShareOf(o.digests, kind(k, 0), empty); n > 0 {
				fmt.Fprintf(m.stdout, "%s %s: %d questions %s, nothing recalled: %s\n", layout, part.name, n, k, share(nothing))
			}
		}
		found, lost := 0, 0
		for i, a := range o.without {
			if in(a.Dialogue) && a.Rank > 0 {
				found++
				if o.floored[i].Rank == 0 {
					lost++
				}
			}
		}
		if found > 0 {
			fmt.Fprintf(m.stdout, "%s %s: of %d questions with evidence in the first %d, the floor of a recall takes it from %d\n", layout, part.name, found, evaluate.Depth, lost)
		}
	}
}
