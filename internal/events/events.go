// Package events notifies listeners of changes in a workspace. An event only says what kind of thing changed, and its
// id; a listener reads the details itself. Each pending event is stored once, so a slow listener costs little and
// misses nothing.
package events

import (
	"sync"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Kind is the kind of thing that changed.
type Kind string

// The kinds of events.
const (
	Import   Kind = "import"   // an import began, advanced or ended
	Index    Kind = "index"    // conversations were queued for indexing
	Deletion Kind = "deletion" // conversations were deleted
)

// Event is a change.
type Event struct {
	Workspace chat.WorkspaceID // 0 if it is unknown
	Kind      Kind
	ID        string // of the import; empty for other kinds
}

// Bus passes events on within this program. Its zero value is ready, and it is safe for
// concurrent use.
type Bus struct {
	mu        sync.Mutex
	listeners map[*Listener]struct{}
}

// Publish passes an event to the listeners of its workspace. It never waits.
func (b *Bus) Publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		if e.Workspace == l.workspace || e.Workspace == 0 {
			l.pending[e] = struct{}{}
			select {
			case l.signal <- struct{}{}:
			default:
			}
		}
	}
}

// Listen returns a listener for the events of a workspace. The caller must close it.
func (b *Bus) Listen(ws chat.WorkspaceID) *Listener {
	l := &Listener{bus: b, workspace: ws, signal: make(chan struct{}, 1), pending: map[Event]struct{}{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = map[*Listener]struct{}{}
	}
	b.listeners[l] = struct{}{}
	return l
}

// Listener receives the events of one workspace.
type Listener struct {
	bus       *Bus
	workspace chat.WorkspaceID
	signal    chan struct{}
	pending   map[Event]struct{}
}

// Signal receives a value when there are events to take.
func (l *Listener) Signal() <-chan struct{} { return l.signal }

// Take returns the events since the last call, each once, in no particular order.
func (l *Listener) Take() []Event {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	taken := make([]Event, 0, len(l.pending))
	for e := range l.pending {
		taken = append(taken, e)
	}
	clear(l.pending)
	return taken
}

// Close stops the listener.
func (l *Listener) Close() {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	delete(l.bus.listeners, l)
}
