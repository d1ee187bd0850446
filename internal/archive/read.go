package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// errEnough ends the reading, because the caller wants no more.
var errEnough = errors.New("the caller wants no more")

// Read yields the records of a file, one line in memory at a time. If it yields an error, which
// is Invalid for a damaged line, it is the last item.
func Read(ctx context.Context, m format.Member) iter.Seq2[history.Record, error] {
	return func(yield func(history.Record, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		var damaged error
		out := &format.Out{Fail: func(at format.Place, err error) {
			if damaged == nil {
				damaged = fault.Invalidf("%s: %s; the file is damaged, and what came before was restored", at, err)
			}
			cancel(damaged)
		}}
		put := func(r history.Record, err error) error {
			if !yield(r, err) || err != nil {
				return errEnough
			}
			return nil
		}
		err := lines.Each(ctx, m, out, func(at lines.Place, l read) error {
			if damaged != nil {
				return damaged
			}
			r, err := l.record()
			if err != nil {
				err = fault.Wrap(fault.Invalid, err, "%s: %s", format.Place{Member: m.Path, Line: at.Line}, fault.Message(err))
			}
			return put(r, err)
		})
		switch {
		case errors.Is(err, errEnough):
		case damaged != nil:
			yield(history.Record{}, damaged)
		case err != nil:
			yield(history.Record{}, err)
		case out.Warnings[format.TruncatedLine] > 0:
			yield(history.Record{}, fault.Invalidf("the last line of %s is incomplete; what came before it was restored", m.Path))
		}
	}
}

func (l read) record() (r history.Record, err error) {
	switch {
	case l.Everything != nil:
		h := l.Everything
		if h.Version > version {
			return r, fault.Invalidf("the file was written by a newer version of Lethe; restore it with that version or a later one")
		}
		r.Beginning = &history.Beginning{FileID: h.FileID, ExportedAt: h.ExportedAt, TombstoneKey: h.TombstoneKey, Workspaces: h.Workspaces}
	case l.Workspace != nil:
		r.Workspace = &history.RecordedSpace{Name: l.Workspace.Name, CreatedAt: l.Workspace.CreatedAt}
		if l.Workspace.Deleted != (l.Workspace.Name == "") {
			return r, fault.Invalidf("the line of a workspace has no name; the file is damaged")
		}
	case l.Name != nil:
		r.Platform = &history.RecordedPlatform{Platform: l.Name.Platform, DisplayName: l.Name.DisplayName}
	case l.Import != nil:
		r.Import = l.Import.record()
	case l.Tombstone != nil:
		r.Tombstone = l.Tombstone.record()
	case l.Deletion != nil:
		r.Deletion = l.Deletion.record()
	case l.End != nil:
		r.End = (*history.Tally)(l.End)
	case l.Conversation != nil:
		part, ok := l.Part()
		if !ok {
			return r, fmt.Errorf("the conversation lacks ids of a database; it was not written by `lethe export --everything`")
		}
		r.Part = &part
	default:
		return r, fault.Invalidf("the line has nothing that this version of Lethe knows; restore the file with a newer one")
	}
	return r, nil
}
