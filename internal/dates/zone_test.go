package dates

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestZone(t *testing.T) {
	zone, ok := Zone("America/Noronha") // two hours behind UTC
	require.True(t, ok)
	at := time.Date(2026, 6, 1, 1, 30, 0, 0, time.UTC).In(zone)
	require.Equal(t, "2026-05-31 23:30", at.Format("2006-01-02 15:04"))
	for _, name := range []string{"", "Local", "Mars/Olympus", "+02:00", "../etc/passwd"} {
		_, ok := Zone(name)
		require.False(t, ok, name)
	}
}
