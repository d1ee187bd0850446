package agentsync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/lethe-chat/lethe/internal/fault"
)

// watcher collects the files that have changed. It reads events all the time, also while the syncer waits for the
// service, so that the queue of the system does not overflow.
type watcher struct {
	system *fsnotify.Watcher
	wake   chan struct{} // has a value when something has changed

	mu       sync.Mutex
	changed  map[string]bool // by path
	all      bool            // events were lost, so everything has to be visited
	watched  map[string]bool // folders
	refused  map[string]bool // folders that cannot be watched
	reason   error
	reported int // number of refused folders in the last report
}

func newWatcher() (*watcher, error) {
	system, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "this system watches no folders: %s", limitHint(err))
	}
	w := &watcher{
		system: system, wake: make(chan struct{}, 1),
		changed: map[string]bool{}, watched: map[string]bool{}, refused: map[string]bool{},
	}
	go w.collect()
	return w, nil
}

func (w *watcher) close() { _ = w.system.Close() } // ends collect

// collect collects changes until the watcher is closed.
func (w *watcher) collect() {
	for {
		select {
		case e, open := <-w.system.Events:
			if !open {
				return
			}
			w.note(e)
		case err, open := <-w.system.Errors:
			if !open {
				return
			}
			w.lost(err)
		}
	}
}

func (w *watcher) note(e fsnotify.Event) {
	if e.Op == fsnotify.Chmod {
		return
	}
	if e.Has(fsnotify.Create) {
		if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
			w.addTree(e.Name)
		}
	}
	w.mu.Lock()
	w.changed[strings.TrimSuffix(e.Name, log)] = true
	w.mu.Unlock()
	w.signal()
}

// addTree watches a new folder, and treats all files in it as changed: they may have been written before the watch
// began.
func (w *watcher) addTree(root string) {
	var files []string
	walk(root, func(dir string) { w.add(dir) }, func(name string, _ fs.FileInfo) { files = append(files, name) })
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range files {
		w.changed[strings.TrimSuffix(name, log)] = true
	}
}

// lost makes the next visit cover everything, because the system has dropped events.
func (w *watcher) lost(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		return // not about lost events, for example a folder was deleted
	}
	w.mu.Lock()
	w.all = true
	w.mu.Unlock()
	w.signal()
}

func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // the signal is already set
	}
}

// take returns what has changed since the last call.
func (w *watcher) take() (changed []string, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed, all = slices.Sorted(maps.Keys(w.changed)), w.all
	w.changed, w.all = map[string]bool{}, false
	return changed, all
}

// add watches a folder.
func (w *watcher) add(dir string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched[dir] {
		return
	}
	switch err := w.system.Add(dir); {
	case err == nil:
		w.watched[dir] = true
		delete(w.refused, dir)
	case errors.Is(err, fs.ErrNotExist): // it was just deleted
	default:
		w.refused[dir], w.reason = true, err
	}
}

// watch watches exactly these folders. It reports whether some of them are new. refused is an event about folders
// that cannot be watched, when their number has changed.
func (w *watcher) watch(folders []string) (added bool, refused Event) {
	there := map[string]bool{}
	before := w.folders()
	for _, dir := range folders {
		there[dir] = true
		w.add(dir)
	}
	added = w.folders() > before
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir := range w.watched {
		if !there[dir] { // deleted; the system no longer watches it
			delete(w.watched, dir)
		}
	}
	if len(w.refused) != w.reported {
		w.reported = len(w.refused)
		refused = Event{Kind: Unwatched, Folders: len(w.refused), Text: limitHint(w.reason)}
	}
	return added, refused
}

func (w *watcher) folders() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watched)
}

// limitHint returns what to do about the limits of Linux.
func limitHint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the limit fs.inotify.max_user_watches is reached; raise it with `sudo sysctl fs.inotify.max_user_watches=524288`"
	case errors.Is(err, syscall.EMFILE):
		return "the limit fs.inotify.max_user_instances, or that of open files, is reached; raise it with `sudo sysctl fs.inotify.max_user_instances=1024` or `ulimit -n`"
	}
	return fmt.Sprint(err)
}

// follow sends what is new: at once what the watcher reports, and at intervals whatever is new in any folder.
func (s *syncer) follow(ctx context.Context, w *watcher) error {
	if err := s.round(ctx, w); err != nil {
		return err
	}
	s.tell(Event{Kind: Current, Files: len(s.files)})
	s.tell(Event{Kind: Watching, Folders: w.folders()})
	poll := time.NewTicker(s.Timing.Poll)
	defer poll.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-poll.C:
			err = s.round(ctx, w)
		case <-w.wake:
			err = s.changes(ctx, w)
		case <-s.later():
			err = s.sendAll(ctx, s.waiting())
		}
		if err != nil {
			return err
		}
	}
}

// round visits all folders, watches new ones and sends what is new.
func (s *syncer) round(ctx context.Context, w *watcher) error {
	files, folders := scan(s.Agents)
	added, refused := w.watch(folders)
	if refused.Folders > 0 {
		s.tell(refused)
	}
	if added { // a file may have been written between the visit and the watch
		files, _ = scan(s.Agents)
	}
	s.visit(files)
	return s.sendAll(ctx, slices.Sorted(maps.Keys(files)))
}

// changes sends what has changed, after a short pause in which more changes may follow.
func (s *syncer) changes(ctx context.Context, w *watcher) error {
	timer := time.NewTimer(s.Timing.Settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	changed, all := w.take()
	if all {
		return s.round(ctx, w)
	}
	var names []string
	s.memo = map[string]any{}
	for _, name := range changed {
		if f, is := look(s.Agents, name); is {
			s.files[f.path] = f
			names = append(names, f.path)
		}
	}
	return s.sendAll(ctx, names)
}

// waiting returns the current state of the files that were not read because they are costly and had just been read.
func (s *syncer) waiting() (names []string) {
	for name := range s.costly {
		if f, is := look(s.Agents, name); is {
			s.files[f.path] = f
			names = append(names, f.path)
		}
		delete(s.costly, name)
	}
	slices.Sort(names)
	return names
}

// later returns a channel that receives a value when the first of the waiting files may be read.
func (s *syncer) later() <-chan time.Time {
	var first time.Time
	for name := range s.costly {
		if at := s.tooEarly[name]; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if first.IsZero() {
		return nil
	}
	return time.After(time.Until(first))
}
