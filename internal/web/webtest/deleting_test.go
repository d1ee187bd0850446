package webtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

var deleting = []flow{
	{"delete: the main flow", deleteMain},
	{"delete all that match", deleteMatching},
	{"delete a range", deleteRange},
	{"delete while the page closes", deleteWhileClosing},
	{"delete: too much to send while the page closes", deleteUnsent},
	{"delete: a failure keeps the selection", deleteFails},
	{"delete needs the scope", deleteNeedsScope},
}

// stored waits until so many conversations are stored.
func stored(t *testing.T, s *apptest.Service, n int) {
	t.Helper()
	apptest.Await(t, fmt.Sprintf("%d conversations are stored", n), func(ctx context.Context) (bool, error) {
		count, err := s.Client.Count(ctx)
		return count == n, err
	})
}

// toDelete presses the button of the dialog that deletes, which the focus does not begin at.
func (p *tab) toDelete() {
	p.t.Helper()
	p.has("dialog", "deleted for good")
	require.Equal(p.t, "Keep", eval[string](p, "document.activeElement.textContent"), "Enter alone deletes nothing")
	p.tabTo("dialog button.delete")
	p.press(enter)
	p.has("lethe-bar .held-text", "for good in")
}

// From the list to the receipt, on both databases.
func deleteMain(t *testing.T, b *browser) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		garden(t, s)
		p := b.open(t, s)
		p.signedIn(apptest.Key, "/")
		p.has(".list-head", "3 chats")
		p.press(escape + "jx")
		p.has("lethe-bar", "1 selected")
		p.pressWith(chromedp.ModifierShift, down)
		p.has("lethe-bar", "2 selected: 6 messages")
		p.press("#")
		p.has("dialog h2", "Delete 2 chats?")
		p.has("dialog", "2 chats with 6 messages and 2 passages")
		p.has("dialog .titles", "The spare key")
		p.toDelete()
		p.sees("document.querySelectorAll('.row.held').length === 2")
		p.press("u")
		p.sees("document.querySelectorAll('.row.held').length === 0")
		p.has("lethe-bar", "2 selected")
		require.Zero(t, p.sent("POST", "chats/delete?")+p.sent("DELETE", "chats"))

		p.press(kbDelete)
		p.toDelete()
		p.has(".toast", "2 chats deleted.")
		p.has(".list-head", "1 chat")
		stored(t, s, 1)
		p.tabTo(".toast button")
		p.press(enter)
		p.has("lethe-receipts td.number", "2")
		if db.Kind == storetest.SQLite { // PostgreSQL reclaims a few rows when it is time to
			p.has("lethe-receipts .badge.done", "reclaimed")
		}
		receipts, err := s.Client.Deletions(t.Context(), 0, 0)
		require.NoError(t, err)
		p.has("lethe-receipts code", receipts.Items[0].ID)
		p.press(escape)
		p.has(".row .title", "Boiler parts")
	})
}

// All 5,000 that match a filter: one request, the server's number, typed above 100. Pinned chats
// are spared.
func deleteMatching(t *testing.T, b *browser) {
	s := service(t, apptest.WithEnv("LETHE_EMBEDDER=none"))
	many(t, s, 10_000)
	list, err := s.Client.List(t.Context(), clientOf("claude"))
	require.NoError(t, err)
	_, err = s.Client.Edit(t.Context(), pin(list.Items[0].ID))
	require.NoError(t, err)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?platform=claude")
	p.has(".list-head", "5,000 chats")
	p.tabTo(".list-head button")
	p.press(enter)
	p.has("lethe-bar", "All 5,000 selected")
	p.tabTo(".list-body")
	p.press("#")
	p.has("dialog h2", "Delete 4,999 chats?")
	p.has("dialog", "1 pinned chat is spared.")
	require.True(t, eval[bool](p, "document.querySelector('dialog button.delete').disabled"))
	p.tabTo("dialog .typed input")
	p.press("4998")
	require.True(t, eval[bool](p, "document.querySelector('dialog button.delete').disabled"))
	p.press(backspace + "9")
	p.tabTo("dialog button.delete")
	p.press(enter)
	p.has("lethe-bar .held-text", "Deletes 4,999 chats")
	p.has(".toast", "4,999 chats deleted.")
	stored(t, s, 5_001)
	require.Equal(t, 1, p.sent("POST", "chats/delete-matching"))
	require.Zero(t, p.sent("POST", "chats/delete?"))
	p.has(".list-head", "1 chat")
}

// A range takes the rows between that were never shown, and the selection outlives scrolling.
func deleteRange(t *testing.T, b *browser) {
	s := service(t, apptest.WithEnv("LETHE_EMBEDDER=none"))
	many(t, s, 450)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-head", "450 chats")
	p.press(escape)
	p.tabTo(".list-body")
	p.press("x")
	p.has("lethe-bar", "1 selected")
	p.pressWith(chromedp.ModifierShift, end)
	p.has("lethe-bar", "450 selected: 900 messages")
	p.has(".row[aria-selected=true] .title", "Chat number 0")
	p.press(home)
	p.has(".row[aria-selected=true] .title", "Chat number 449")
	p.tabTo("#box")
	p.press("shelf")
	p.sees("document.querySelector('lethe-bar').hidden")
}

// What is held is sent when the page closes.
func deleteWhileClosing(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-head", "3 chats")
	p.press(escape + "jx#")
	p.toDelete()
	p.goTo("/page/icon.svg")
	stored(t, s, 2)
}

// Browsers send little while a page closes. A selection of more ids than that is not
// deleted, and the next visit says so.
func deleteUnsent(t *testing.T, b *browser) {
	const chats = 1_700
	s := service(t, apptest.WithEnv("LETHE_EMBEDDER=none"))
	many(t, s, chats)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-head", "1,700 chats")
	p.press(escape)
	p.tabTo(".list-body")
	p.press("x")
	p.pressWith(chromedp.ModifierShift, end)
	p.has("lethe-bar", "1,700 selected")
	p.press("#")
	p.has("dialog", "Type 1700")
	p.tabTo("dialog .typed input")
	p.press("1700")
	p.tabTo("dialog button.delete")
	p.press(enter)
	p.has("lethe-bar .held-text", "Deletes 1,700 chats")
	p.goTo("/page/icon.svg")
	p.goTo("/")
	p.has(".toast.problem", "1,700 chats were not deleted")
	p.has(".list-head", "1,700 chats")
	require.Zero(t, p.sent("POST", "chats/delete?")+p.sent("DELETE", "chats"))
	stored(t, s, chats)
	p.goTo("/")
	p.has(".list-head", "1,700 chats")
	p.lacks(".toast")
}

// The service refuses: the chats are there, and stay selected with the reason.
func deleteFails(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	held := p.holdRequests("*/api/chat-history/chats/delete")
	p.signedIn(apptest.Key, "/")
	p.has(".list-head", "3 chats")
	p.press(escape + "jx#")
	p.toDelete()
	p.do(call(fetch.FulfillRequest, fetch.FulfillRequestParams{
		RequestID: held(), ResponseCode: 503, Body: []byte(`{"error":"the disk is full"}`),
	}))
	p.has(".toast.problem", "the disk is full")
	p.has(".row .problem", "the disk is full")
	p.has("lethe-bar", "1 selected")
	stored(t, s, 3)
}

func deleteNeedsScope(t *testing.T, b *browser) {
	s := service(t)
	ids := garden(t, s)
	_, reader := s.NewKey(t, "default", auth.Read)
	p := b.open(t, s)
	p.signedIn(reader, "/?chat="+ids[0])
	p.has("lethe-reader h2", "Boiler parts")
	p.has(".list-head", "3 chats")
	p.press(escape + "jx")
	p.has("lethe-bar", "1 selected")
	p.press("#")
	p.tabTo("[aria-label='More about this chat']")
	p.press(enter)
	p.has("[role=menuitem]", "Export")
	require.NotContains(t, eval[string](p, "document.body.innerText"), "Delete")
	require.NotContains(t, eval[string](p, "document.body.innerText"), "Rename")
	p.press(escape)
	p.lacks("dialog")
	p.lacks("[aria-label=Pin]")
	require.Zero(t, p.sent("POST", "delete"))
}
