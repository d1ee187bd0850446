// Package events notifies listeners of changes in a workspace. A notification has no content: a listener reads the
// new state itself. So a listener that is slow costs nothing and misses nothing.
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
	Index    Kind = "index"    // the number of conversations that wait to be indexed changed
	Deletion Kind = "deletion" // conversations were deleted
)

// Everywhere notifies the listeners of all workspaces.
const Everywhere chat.WorkspaceID = 0

// Bus notifies listeners within this program. Its zero value is ready, and it is safe for
// concurrent use.
type Bus struct {
	mu        sync.Mutex
	listeners map[*Listener]struct{}
}

// Publish notifies the listeners of a workspace that something in it has changed. It never waits.
func (b *Bus) Publish(ws chat.WorkspaceID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		if ws == l.workspace || ws == Everywhere {
			select {
			case l.signal <- struct{}{}:
			default: // the listener has not taken the last notification yet
			}
		}
	}
}

// Listen returns a listener for the changes of a workspace. The caller must close it.
func (b *Bus) Listen(ws chat.WorkspaceID) *Listener {
	l := &Listener{bus: b, workspace: ws, signal: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = map[*Listener]struct{}{}
	}
	b.listeners[l] = struct{}{}
	return l
}

// Listener receives the notifications of one workspace.
type Listener struct {
	bus       *Bus
	workspace chat.WorkspaceID
	signal    chan struct{}
}

// Signal receives a value when something has changed since the last one. Several changes may be one value.
func (l *Listener) Signal() <-chan struct{} { return l.signal }

// Close stops the listener.
func (l *Listener) Close() {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	delete(l.bus.listeners, l)
}
