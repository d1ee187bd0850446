package history

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/events"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// WatchQuery says what to watch.
type WatchQuery struct {
	Kinds    []events.Kind // empty: all
	ImportID string        // only this import, until it is done; empty: all
}

func (q WatchQuery) wants(kind events.Kind) bool {
	if q.ImportID != "" {
		return kind == events.Import
	}
	return len(q.Kinds) == 0 || slices.Contains(q.Kinds, kind)
}

// Moved is a change. One field is set, or none. With none, nothing has changed for a while, and the caller may check
// whether the connection is still open.
type Moved struct {
	Import   *chat.Import // without its report
	Index    *chat.Backlog
	Deletion *chat.Deletion
}

// DefaultHeartbeat is how often a watch yields when nothing changes.
const DefaultHeartbeat = 15 * time.Second

// How often a watch reads the database without an event, because other programs and the indexer change rows without
// publishing one.
const (
	watchPoll = time.Second
	watchRest = 200 * time.Millisecond // minimum between two reads, however many events there are
	watchPage = 20                     // number of imports and receipts that one read compares
)

// watch is Access.Watch.
func (h *History) watch(ctx context.Context, who auth.Principal, q WatchQuery) iter.Seq2[Moved, error] {
	return func(yield func(Moved, error) bool) {
		if id, ok := chat.ParseID(q.ImportID); ok {
			q.ImportID = id
		} else if q.ImportID != "" {
			yield(Moved{}, fault.Missing("import"))
			return
		}
		listener := h.events.Listen(who.Workspace)
		defer listener.Close()
		w := &watcher{h: h, ws: who.Workspace, query: q, imports: map[string]chat.Import{}, deletions: map[chat.DeletionID]bool{}, yield: yield}
		key := h.watchKey(who)
		poll := time.NewTicker(min(watchPoll, h.heartbeat))
		defer poll.Stop()
		for last := h.now(); ; { // when it last yielded
			err := key.check(ctx)
			if err == nil {
				err = w.look(ctx)
			}
			switch {
			case err != nil && ctx.Err() == nil && !w.ended:
				yield(Moved{}, err)
				return
			case w.ended || ctx.Err() != nil:
				return
			case w.moved:
				last = h.now()
			case h.now().Sub(last) >= h.heartbeat:
				if last = h.now(); !yield(Moved{}, nil) {
					return
				}
			}
			if !rest(ctx, listener, poll) {
				return
			}
		}
	}
}

// rest waits for an event or for the next poll; false when the context has ended.
func rest(ctx context.Context, listener *events.Listener, poll *time.Ticker) bool {
	select {
	case <-ctx.Done():
		return false
	case <-poll.C:
		return true
	case <-listener.Signal():
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(watchRest): // one read covers all events of this time
		select {
		case <-listener.Signal():
		default:
		}
		return true
	}
}

// watcher compares what is stored with what it has reported.
type watcher struct {
	h         *History
	ws        chat.WorkspaceID
	query     WatchQuery
	begun     bool
	imports   map[string]chat.Import // as last reported, by id: those that lookAtImports reads
	older     time.Time              // final imports until then are not read, and are no news when they are read again
	index     chat.Backlog
	deletions map[chat.DeletionID]bool // by id; true when reclaimed
	yield     func(Moved, error) bool
	moved     bool // in this read
	ended     bool // the caller stopped listening, or the import is done
}

func (w *watcher) look(ctx context.Context) error {
	w.moved = false
	var found struct {
		imports   []chat.Import
		index     chat.Backlog
		deletions []chat.Deletion
	}
	err := w.h.store.Snapshot(ctx, func(v *store.View) (err error) {
		if w.query.wants(events.Import) {
			if found.imports, err = w.lookAtImports(v); err != nil {
				return err
			}
		}
		if w.query.wants(events.Index) {
			if found.index, err = v.Backlog(w.ws); err != nil {
				return err
			}
		}
		if w.query.wants(events.Deletion) {
			found.deletions, _, err = v.Deletions(w.ws, 1, watchPage)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, i := range slices.Backward(found.imports) { // the oldest first
		w.tellImport(i)
	}
	if w.query.wants(events.Index) && (!w.begun || found.index != w.index) {
		w.index = found.index
		w.tell(Moved{Index: &found.index})
	}
	before := w.deletions
	w.deletions = make(map[chat.DeletionID]bool, len(found.deletions)) // only what is read again, so that it does not grow
	for _, d := range slices.Backward(found.deletions) {
		reclaimed, known := before[d.ID]
		w.deletions[d.ID] = d.ReclaimedAt != nil
		if w.begun && (!known || reclaimed != (d.ReclaimedAt != nil)) {
			w.tell(Moved{Deletion: &d})
		}
	}
	w.begun = true
	return nil
}

// lookAtImports returns the imports that may have changed: the newest, and those that are not done yet.
func (w *watcher) lookAtImports(v *store.View) ([]chat.Import, error) {
	if w.query.ImportID != "" {
		i, err := v.Import(w.ws, w.query.ImportID)
		return []chat.Import{i}, err
	}
	list, _, err := v.Imports(w.ws, 1, watchPage)
	if err != nil {
		return nil, err
	}
	if !w.begun && len(list) == watchPage {
		w.older = list[watchPage-1].CreatedAt
	}
	for id, told := range w.imports {
		switch {
		case slices.ContainsFunc(list, func(i chat.Import) bool { return i.ID == id }):
			continue
		case final(told):
			delete(w.imports, id)
			if told.CreatedAt.After(w.older) {
				w.older = told.CreatedAt
			}
			continue
		}
		i, err := v.Import(w.ws, id)
		switch {
		case fault.Is(err, fault.NotFound): // its conversations were deleted
			delete(w.imports, id)
		case err != nil:
			return nil, err
		default:
			list = append(list, i)
		}
	}
	return list, nil
}

func (w *watcher) tellImport(i chat.Import) {
	id := i.ID
	i.Report = chat.ImportReport{}
	told, known := w.imports[id]
	w.imports[id] = i
	news := known && moved(told, i)
	if !known {
		news = w.query.ImportID != "" || !final(i) || w.begun && i.CreatedAt.After(w.older)
	}
	if news {
		w.tell(Moved{Import: &i})
	}
	if w.query.ImportID != "" && final(i) {
		w.ended = true
	}
}

// moved reports whether an import differs from what was last reported.
func moved(told, now chat.Import) bool {
	return told.State != now.State || told.Status != now.Status || told.BytesRead != now.BytesRead || told.Counts != now.Counts ||
		told.Ready != now.Ready || told.Pending != now.Pending || told.Failed != now.Failed
}

// final reports whether an import can no longer change.
func final(i chat.Import) bool { return !i.State.Running() && i.Pending == 0 }

func (w *watcher) tell(m Moved) {
	w.moved = true
	if !w.ended && !w.yield(m, nil) {
		w.ended = true
	}
}
