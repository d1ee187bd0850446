package events_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/events"
)

// notified reports whether a listener has a notification, and takes it.
func notified(l *events.Listener) bool {
	select {
	case <-l.Signal():
		return true
	default:
		return false
	}
}

// A listener is notified of the changes of its workspace. However many there are, they are one notification until it
// is taken, so a listener that does not read stores nothing.
func TestAListenerIsNotifiedOfItsWorkspace(t *testing.T) {
	var bus events.Bus
	one, two := bus.Listen(1), bus.Listen(2)
	defer two.Close()
	for range 3 {
		bus.Publish(1)
	}
	require.True(t, notified(one))
	require.False(t, notified(one), "three changes were one notification")
	require.False(t, notified(two), "of another workspace")
	bus.Publish(events.Everywhere)
	require.True(t, notified(one))
	require.True(t, notified(two))
	one.Close()
	bus.Publish(1)
	require.False(t, notified(one))
}
