package main

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/lethe-chat/lethe/internal/chatfiles"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/pkg/client"
)

// exportPages writes each conversation as a file of its own.
func (p *program) exportPages(ctx context.Context, f exportFlags, ids []string) error {
	c, err := p.client(ctx, f.remote)
	if err != nil {
		return err
	}
	form, name := chatfiles.Markdown(), "Markdown"
	if f.format == formatHTML {
		form, name = chatfiles.HTML(), "HTML"
	}
	folder, err := chatfiles.Create(f.out, form, f.force)
	if err != nil {
		return err
	}
	p.soFar.is("nothing was written to %s", f.out)
	if err := p.fillFolder(ctx, folder, f, exported(ctx, c, ids, f.options)); err != nil {
		if done := folder.Written(); ctx.Err() == nil && done.Conversations > 0 {
			p.note("%s %s written to %s before, and no index.", thousands(done.Conversations, "chat"), wasWere(done.Conversations), f.out)
		}
		return errors.Join(err, folder.Abandon())
	}
	done, err := folder.Close()
	if err != nil {
		return err
	}
	return p.say("Wrote %s with %s as %s. Begin with %s.\n", thousands(done.Conversations, "chat"), thousands(done.Messages, "message"), name, done.Index)
}

// exported is the export of a service, as a file that is read while it arrives.
func exported(ctx context.Context, c *client.Client, ids []string, o client.ListOptions) format.Member {
	return format.Member{Path: "the export", Open: func() (io.ReadCloser, error) {
		out, in := io.Pipe()
		go func() { in.CloseWithError(exportRevisions(ctx, c, ids, o, in)) }()
		return out, nil
	}}
}

// exportRevisions writes lines that have the ids of their conversations.
func exportRevisions(ctx context.Context, c *client.Client, ids []string, o client.ListOptions, w io.Writer) error {
	if len(ids) == 0 {
		_, err := c.ExportRevisions(ctx, o, false, w)
		return err
	}
	for _, id := range ids {
		if _, err := c.ExportOneRevision(ctx, id, w); err != nil {
			return err
		}
	}
	return nil
}

// fillFolder writes the conversations of an export.
func (p *program) fillFolder(ctx context.Context, folder *chatfiles.Folder, f exportFlags, m format.Member) error {
	var damaged error
	out := &format.Out{Fail: func(_ format.Place, err error) { damaged = cmp.Or(damaged, err) }}
	err := lines.Each(ctx, m, out, func(_ lines.Place, l lethe.Stored) error {
		if damaged != nil || l.Conversation == nil {
			return cmp.Or(damaged, lines.ErrNoJSON)
		}
		part, _ := l.Part()
		err := folder.Add(chatfiles.Conversation{Conversation: part.Conversation, PlatformName: cmp.Or(l.DisplayName, l.Platform)}, part.Turns)
		if done := folder.Written().Conversations; done > 0 {
			p.soFar.is("%s %s written to %s, and no index. To begin again, give another folder, or --force", thousands(done, "chat"), wasWere(done), f.out)
		}
		return err
	})
	if err == nil {
		err = damaged
	}
	if err == nil && out.Warnings[format.TruncatedLine] > 0 {
		err = io.ErrUnexpectedEOF
	}
	return err
}
