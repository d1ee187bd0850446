package history_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// now is the time in every test until the test moves the clock.
var now = historytest.Now()

// desk is a fixture with the kinds of access that only the tests of the front door need.
type desk struct{ *historytest.Fixture }

// each runs the test on both databases.
func each(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) { test(t, &desk{f}) })
}

func newDesk(t *testing.T, db storetest.Database, apiKey string) *desk {
	t.Helper()
	return &desk{historytest.New(t, db, apiKey)}
}

// with returns the same desk with another history.
func (d *desk) with(change func(*history.Options)) *desk { return &desk{d.With(change)} }

// operator returns the administration of keys and workspaces.
func (d *desk) operator() history.Administration {
	d.T.Helper()
	administration, err := d.History.Administer(auth.Operator(0))
	require.NoError(d.T, err)
	return administration
}

// as returns the access of a key with these scopes to the desk's workspace.
func (d *desk) as(keyID string, scopes ...auth.Scope) history.Access {
	d.T.Helper()
	access, err := d.History.As(auth.NewPrincipal(keyID, d.WS, scopes...))
	require.NoError(d.T, err)
	return access
}

func say(id string, texts ...string) chat.Upload { return historytest.Upload(id, texts...) }
