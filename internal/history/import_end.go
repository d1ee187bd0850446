package history

import (
	"context"
	"errors"
	"sync"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// importEnd is how an import has ended, for its record.
type importEnd struct {
	ws     chat.WorkspaceID
	id     string
	step   store.ImportStep
	state  chat.ImportState
	reason string
}

// record writes the end of an import. An import that has already ended keeps its end.
func (h *History) record(ctx context.Context, e importEnd) error {
	err := h.store.InDeletingTx(ctx, func(tx *store.Tx) error {
		if err := tx.MoveImport(e.ws, e.id, e.step); err != nil {
			return err
		}
		return tx.EndImport(e.ws, e.id, e.state, e.reason)
	})
	if errors.Is(err, store.ErrImportEnded) || fault.Is(err, fault.NotFound) { // stopped on request, or its workspace was deleted
		return nil
	}
	if err == nil {
		h.tellImport(e.ws)
	}
	return err
}

// unrecorded are the ends of imports that could not be recorded, for example because the database did not answer.
type unrecorded struct {
	mu   sync.Mutex
	ends []importEnd
}

func (u *unrecorded) add(e importEnd) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ends = append(u.ends, e)
}

func (u *unrecorded) take() []importEnd {
	u.mu.Lock()
	defer u.mu.Unlock()
	ends := u.ends
	u.ends = nil
	return ends
}

// recordEnds tries again to record the ends that could not be recorded. It returns the first error; then the rest is
// tried next time.
func (h *History) recordEnds(ctx context.Context) error {
	ends := h.unrecorded.take()
	for i, e := range ends {
		if err := h.record(ctx, e); err != nil {
			for _, left := range ends[i:] {
				h.unrecorded.add(left)
			}
			return err
		}
	}
	return nil
}
