package archive

import (
	"context"
	"io"
	"iter"

	"github.com/go-json-experiment/json"

	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/history"
)

// Write writes the records of history.Access.Everything as lines. It returns their error, after
// which the file is incomplete. A long conversation is never in memory as a whole.
func Write(ctx context.Context, w io.Writer, records iter.Seq2[history.Record, error]) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		if r.Exported != nil {
			err = lethe.WriteStored(w, r.Exported.Conversation, r.Exported.Parts(ctx))
		} else {
			err = writeLine(w, lineOf(r))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func lineOf(r history.Record) (l line) {
	switch {
	case r.Beginning != nil:
		b := r.Beginning
		l.Everything = &header{version, b.FileID, b.ExportedAt, warning, b.TombstoneKey, b.Workspaces}
	case r.Workspace != nil:
		l.Workspace = spaceLine(r.Workspace)
	case r.Platform != nil:
		l.Name = &name{r.Platform.Platform, r.Platform.DisplayName}
	case r.Import != nil:
		l.Import = importLine(r.Import)
	case r.Tombstone != nil:
		l.Tombstone = (*tombstone)(r.Tombstone)
	case r.Deletion != nil:
		l.Deletion = deletionLine(r.Deletion)
	case r.End != nil:
		l.End = (*tally)(r.End)
	}
	return l
}

func writeLine(w io.Writer, l line) error {
	text, err := json.Marshal(l, json.Deterministic(true))
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
