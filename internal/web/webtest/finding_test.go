package webtest

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
)

var finding = []flow{
	{"find while typing", findWhileTyping},
	{"find: an old answer is dropped", findDropsOldAnswers},
	{"find: Enter waits for the answer", findEnterWaits},
	{"find with filters", findWithFilters},
	{"find: the address", findByAddress},
	{"find: nothing to show", findNothing},
	{"find: the keys", findHelp},
	{"recall: a digest is copied", recallDigest},
}

func findWhileTyping(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?mode=keyword")
	p.has(".list-head", "3 chats")
	p.press("flowerpot")
	p.has(".row mark", "flowerpot")
	p.has(".row .row-sub", "ChatGPT")
	p.has(".list-head", "2 chats")
	p.has("[role=status].unseen", "2 chats found")
	p.press(escape)
	p.has(".list-head", "3 chats")
	require.Equal(t, "box", eval[string](p, "document.activeElement.id"), "the first Escape clears, the second leaves the box")
	p.press(escape)
	require.NotEqual(t, "box", eval[string](p, "document.activeElement.id"))
	p.press("/")
	require.Equal(t, "box", eval[string](p, "document.activeElement.id"))
	require.Empty(t, eval[string](p, "document.getElementById('box').value"), "the key that leads to the box is not typed")
	p.press("x#")
	require.Equal(t, "x#", eval[string](p, "document.getElementById('box').value"), "keys are off while typing")
	p.lacks("dialog")
}

// The answer to an older query comes after that to a newer one. It must not replace it.
func findDropsOldAnswers(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	held := p.holdRequests("*/api/chat-history/search")
	p.signedIn(apptest.Key, "/?mode=keyword")
	p.has(".list-head", "3 chats")
	p.press("ferry")
	first := held()
	p.press(escape + "boiler")
	second := held()
	p.do(call(fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: second}))
	p.has(".row .title", "Boiler parts")
	p.has(".list-head", "1 chat")
	// The browser may know already that nobody waits for the first one.
	_ = chromedp.Do(p.ctx, call(fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: first}))
	p.press(end + " leaks")
	third := held()
	p.do(call(fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: third}))
	p.has(".row .title", "Boiler parts")
	require.NotContains(t, eval[string](p, "document.querySelector('.list-body').innerText"), "Gotland")
}

// Somebody who types and presses Enter at once means the new query, not the list before it.
func findEnterWaits(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?mode=keyword")
	p.has(".list-head", "3 chats")
	p.press("ferry" + enter)
	p.has("lethe-reader h2", "Trip to Gotland")
	p.has("lethe-reader .message", "ferry")
}

func findWithFilters(t *testing.T, b *browser) {
	s := service(t)
	ids := garden(t, s)
	_, err := s.Client.Edit(t.Context(), pin(ids[1]))
	require.NoError(t, err)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?mode=keyword")
	p.has(".list-head", "3 chats")
	p.tabTo(".chip.add")
	p.press(enter)
	p.has("dialog", "Platform")
	p.tabTo("#f-platform")
	p.press("ch")
	p.tabTo("dialog button.main")
	p.press(enter)
	p.has(".chip", "ChatGPT")
	p.has(".list-head", "2 chats")
	p.sees("location.search.includes('platform=chatgpt')")
	p.tabTo(".chip:not(.add)")
	p.press(enter)
	p.has(".list-head", "3 chats")

	p.tabTo(".chip.add")
	p.press(enter)
	p.tabTo("#f-pinned")
	p.press(" ")
	p.tabTo("dialog button.main")
	p.press(enter)
	p.has(".list-head", "1 chat")
	p.has(".row .title", "Trip to Gotland")
	p.press("/flowerpot")
	p.has(".row mark", "flowerpot")
	p.has(".list-head", "1 chat")
	require.NotContains(t, eval[string](p, "document.querySelector('.list-body').innerText"), "spare key", "a filter is kept while searching")
}

// The address restores what is shown: back, forward, and a link that somebody is sent.
func findByAddress(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?mode=keyword")
	p.has(".list-head", "3 chats")
	p.press("flowerpot")
	p.has(".list-head", "2 chats")
	p.press(down + enter)
	p.has("lethe-reader .message.here", "flowerpot")
	link := eval[string](p, "location.pathname + location.search")
	p.do(chromedp.NavigateBack())
	p.has("lethe-reader .blank", "Choose a chat")
	p.do(chromedp.NavigateForward())
	p.has("lethe-reader .message.here", "flowerpot")

	other := b.open(t, s)
	other.signedIn(apptest.Key, link)
	other.has("lethe-reader .message.here", "flowerpot")
	other.has(".list-head", "2 chats")
	require.Equal(t, "flowerpot", eval[string](other, "document.getElementById('box').value"))
}

func findNothing(t *testing.T, b *browser) {
	gate := apptest.NewGate()
	gate.Shut()
	s := service(t, apptest.WithEmbedder(gate))
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-note", "No chats yet")
	p.has(".list-note code", "lethe import")
	p.has(".list-note code", "lethe sync")

	s.Upload(t, "one", "Where is the spare key?", "Under the flowerpot.")
	gate.Arrived(t)
	p.goTo("/?q=zeppelin&mode=keyword")
	p.has(".list-note", "Nothing found for")
	p.has(".list-note", "Still being indexed: 1 of 1 chat.")
	p.has(".list-note", "Search by words and meaning")
	gate.Open()
	s.Idle(t)
	p.goTo("/?platform=claude")
	p.has(".list-note", "No chat matches the filters.")
	p.tabTo(".list-note button")
	p.press(enter)
	p.has(".list-head", "1 chat")
}

func findHelp(t *testing.T, b *browser) {
	s := service(t)
	_, reader := s.NewKey(t, "default", auth.Read)
	p := b.open(t, s)
	p.signedIn(reader, "/")
	p.has(".list-note", "No chats yet")
	p.press(escape + "?")
	p.has("dialog dl.keys", "next and previous hit")
	p.press(escape)
	p.lacks("dialog")
	p.pressWith(chromedp.ModifierCtrl, "k")
	p.sees("document.activeElement.id === 'box'")
}

// A digest of what was asked is shown with its sources, and copied.
func recallDigest(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	p.allow("clipboard-read", "clipboard-write")
	p.signedIn(apptest.Key, "/?mode=keyword&q=flowerpot")
	p.has(".row mark", "flowerpot")
	p.tabTo("[aria-label=Menu]")
	p.press(enter)
	p.has("[role=menuitem]:focus", "Find")
	p.press(down + enter)
	p.has("dialog h2", "Digest for a prompt")
	p.has("dialog .digest pre", "flowerpot")
	p.look("digest", "light", 1280)
	p.tabTo("dialog .digest button.main")
	p.press(enter)
	p.has(".toast", "Copied")
	copied := eval[string](p, "navigator.clipboard.readText()")
	require.Equal(t, eval[string](p, "document.querySelector('dialog .digest pre').textContent"), copied)
	require.Contains(t, copied, "flowerpot")
	p.tabTo("dialog li .link")
	p.press(enter)
	p.lacks("dialog")
	p.has("lethe-reader .message", "flowerpot")
}

// holdRequests makes requests whose address matches wait. The function that it returns
// waits for the next one.
func (p *tab) holdRequests(pattern string) (next func() fetch.RequestID) {
	p.t.Helper()
	paused := make(chan fetch.RequestID, 100)
	require.NoError(p.t, chromedp.Listen(p.ctx, func(event any) {
		if e, ok := event.(*fetch.EventRequestPaused); ok {
			paused <- e.RequestID
		}
	}))
	p.do(call(fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern}}}))
	return func() fetch.RequestID {
		p.t.Helper()
		select {
		case id := <-paused:
			return id
		case <-time.After(apptest.Patience):
			require.Fail(p.t, "the page made no request", pattern)
			return ""
		}
	}
}
