package transfer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Preview is what an import would store.
type Preview struct {
	Result
	Kinds []Kind `json:"kinds"`
}

// Kind has the totals of one format and platform.
type Kind struct {
	Format        string    `json:"format"`
	Platform      string    `json:"platform"`
	Conversations int       `json:"conversations"`
	Messages      int       `json:"messages"`
	From          time.Time `json:"from,omitzero"` // of the first message or conversation that has a time
	To            time.Time `json:"to,omitzero"`
}

func (k *Kind) at(t time.Time) {
	if t.IsZero() {
		return
	}
	if k.From.IsZero() || t.Before(k.From) {
		k.From = t.UTC()
	}
	if t.After(k.To) {
		k.To = t.UTC()
	}
}

func (k *Kind) add(c format.Conversation) {
	k.Conversations++
	k.Messages += len(c.Messages)
	k.at(c.CreatedAt)
	k.at(c.UpdatedAt)
	for i := range c.Messages {
		k.at(c.Messages[i].CreatedAt)
	}
}

// Look reads sources and stores nothing. Its errors are those of exports.Read.
func Look(ctx context.Context, sources []*container.Source, o exports.Options, tracker *Tracker) (*Preview, error) {
	p := &Preview{}
	p.State = "preview"
	tracker.begin(sources)
	var errs []error
	for _, source := range sources {
		o.Progress = tracker.reading
		of := map[[2]string]*Kind{} // by member and platform
		report, err := exports.Read(ctx, source, o, func(c format.Conversation) error {
			key := [2]string{c.Place.Member, c.Platform}
			if of[key] == nil {
				of[key] = &Kind{Platform: c.Platform}
			}
			of[key].add(c)
			return ctx.Err()
		})
		p.add(report)
		tracker.next()
		p.kinds(of, report)
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	p.complete(nil, tracker.Now())
	return p, errors.Join(errs...)
}

// kinds sums up the members by their formats.
func (p *Preview) kinds(of map[[2]string]*Kind, report *exports.Report) {
	formats := map[string]string{}
	for _, m := range report.Members {
		formats[m.Path] = m.Format
	}
	for key, k := range of {
		k.Format = formats[key[0]]
		i := slices.IndexFunc(p.Kinds, func(have Kind) bool { return have.Format == k.Format && have.Platform == k.Platform })
		if i < 0 {
			p.Kinds = append(p.Kinds, *k)
			continue
		}
		have := &p.Kinds[i]
		have.Conversations += k.Conversations
		have.Messages += k.Messages
		have.at(k.From)
		have.at(k.To)
	}
	slices.SortFunc(p.Kinds, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(a.Format, b.Format), cmp.Compare(a.Platform, b.Platform))
	})
}
