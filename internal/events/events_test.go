package events_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/events"
)

// A listener gets the events of its workspace, each once, however often it was published.
func TestAListenerGetsWhatHasMovedOnce(t *testing.T) {
	var bus events.Bus
	one, two := bus.Listen(1), bus.Listen(2)
	defer two.Close()
	moved := events.Event{Workspace: 1, Kind: events.Import, ID: "a"}
	anywhere := events.Event{Kind: events.Deletion}
	for range 3 {
		bus.Publish(moved)
	}
	bus.Publish(anywhere)
	<-one.Signal()
	require.ElementsMatch(t, []events.Event{moved, anywhere}, one.Take())
	require.Empty(t, one.Take())
	require.Equal(t, []events.Event{anywhere}, two.Take())
	one.Close()
	bus.Publish(moved)
	require.Empty(t, one.Take())
}
