package webtest

import (
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

var troubles = []flow{
	{"the service restarts", serviceRestarts},
	{"the key is revoked", keyRevoked},
	{"a slow network", slowNetwork},
	{"two tabs", twoTabs},
	{"parts that were left do not listen", leftParts},
}

// The service stops and starts again under the page, which says so and goes on.
func serviceRestarts(t *testing.T, b *browser) {
	db := storetest.New(t, storetest.SQLite)
	s := apptest.Start(t, db)
	garden(t, s)
	at, err := url.Parse(s.URL)
	require.NoError(t, err)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?mode=keyword")
	p.has(".list-head", "3 chats")
	s.Stop(t)
	p.press("flowerpot")
	p.has(".list-note .problem", "Lethe does not answer")
	p.has(".row .title", "The spare key")
	again := apptest.Start(t, db, apptest.WithEnv("LETHE_ADDR="+at.Host))
	p.tabTo(".list-note button")
	p.press(enter)
	p.has(".list-head", "2 chats")
	p.lacks(".list-note")
	p.press("/" + escape)
	p.has(".list-head", "3 chats")
	upload(t, again, titled("new", "claude", "Written after the restart", "Is it there?"))
	p.has(".row .title", "Written after the restart") // the stream of events is back
}

// A revoked key ends the page at once, without a click. Nothing of the chats stays on it.
func keyRevoked(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	key, token := s.NewKey(t, "default", auth.Read)
	p := b.open(t, s)
	p.signedIn(token, "/")
	p.has(".list-head", "3 chats")
	s.RevokeKey(t, key)
	p.has("lethe-sign-in", "lethe open")
	p.has(".toast.problem", "not accepted any more")
	require.NotContains(t, eval[string](p, "document.body.innerText"), "spare key")
	require.False(t, eval[bool](p, "sessionStorage.getItem('lethe.key') !== null"))
}

// On a slow network the old rows stay until the new ones are there.
func slowNetwork(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?mode=keyword")
	p.has(".list-head", "3 chats")
	p.do(call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: 700, DownloadThroughput: 20_000, UploadThroughput: 20_000}},
	}))
	p.press("ferry")
	p.sees("location.search.includes('ferry')")
	require.Equal(t, 3, eval[int](p, "document.querySelectorAll('.row:not([hidden])').length"), "the list is not emptied while the answer is on its way")
	p.has(".list-head", "1 chat")
	p.press(down + enter)
	p.has("lethe-reader .message.here", "ferry")
}

// One tab holds the stream of events and tells the other. When it closes, the other takes
// over.
func twoTabs(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	first := b.open(t, s)
	first.signedIn(apptest.Key, "/")
	first.has(".list-head", "3 chats")
	first.sees("performance.getEntriesByType('resource').length > 0")
	second := first.beside(s)
	second.signedIn(apptest.Key, "/")
	second.has(".list-head", "3 chats")
	upload(t, s, titled("new", "claude", "Seen in both tabs", "Is it there?"))
	first.has(".row .title", "Seen in both tabs")
	second.has(".row .title", "Seen in both tabs")
	require.Equal(t, 1, first.sent("GET", "chat-history/events")+second.sent("GET", "chat-history/events"))
	first.goTo("/page/icon.svg")
	upload(t, s, titled("newer", "claude", "Seen in the second tab", "Is it there?"))
	second.has(".row .title", "Seen in the second tab")
	require.Equal(t, 1, second.sent("GET", "chat-history/events"))
}

// A view that was left, or the page of somebody who signed out, asks nothing any more.
func leftParts(t *testing.T, b *browser) {
	s := service(t)
	ids := garden(t, s)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?view=receipts")
	p.has("lethe-receipts", "Nothing has been deleted yet.")
	p.press(escape) // leaves the box
	for range 3 {
		p.press(escape)
		p.has(".list-head", "3 chats")
		eval[any](p, "history.back()")
		p.has("lethe-receipts", "Nothing has been deleted yet.")
	}
	asked := p.sent("GET", "/deletions")
	_, err := s.Client.Delete(t.Context(), ids[0])
	require.NoError(t, err)
	p.has("lethe-receipts td.number", "1")
	p.has("lethe-receipts .badge.done", "reclaimed")
	require.LessOrEqual(t, p.sent("GET", "/deletions")-asked, 4, "one request for each of the few events of a receipt")
}
