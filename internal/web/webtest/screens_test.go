package webtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/pkg/api"
)

// pictures is where pictures of the screens are written; `make page-pictures` sets it.
var pictures = flag.String("pictures", "", "the folder for pictures of every screen; empty for none")

var looks = []flow{
	{"screens in light", func(t *testing.T, b *browser) { screens(t, b, "light", 1280, 800) }},
	{"screens in dark", func(t *testing.T, b *browser) { screens(t, b, "dark", 1280, 800) }},
	{"screens of a phone", func(t *testing.T, b *browser) { screens(t, b, "light", 390, 844) }},
	{"screens of 320 pixels", func(t *testing.T, b *browser) { screens(t, b, "dark", 320, 640) }},
}

// library stores conversations of several platforms, months and lengths, one with a title
// of the greatest length, one with everything that Markdown has.
func library(t *testing.T, s *apptest.Service) []string {
	t.Helper()
	const everything = "Use the **valve** first:\n\n1. close the water\n2. open the *drain*\n\n| part | price |\n|---|---:|\n| valve | 12 |\n| ring | 3 |\n\n" +
		"```go\nfunc main() { println(\"a line of code that is much longer than a phone is wide, so that it has its own scroll bar\") }\n```\n\n> As the manual says.\n\nSee [the manual](https://example.org/manual)."
	uploads := []api.UploadRequest{
		titled("boiler", "claude", "Boiler parts and which of them leaks", "Which part of the boiler leaks?", everything, "And the ring?", strings.Repeat("A long answer about rings. ", 120)),
		titled("gotland", "gemini", "Trip to Gotland", "When does the ferry leave?", "At seven. The flowerpot stays at home."),
		titled("long", "chatgpt", strings.Repeat("A title that is as long as a title can be ", 11), "Why is it so long?", "Nobody knows."),
		titled("word", "deepseek", strings.Repeat("Donaudampfschiffahrt", 12), "Wie heißt das?", strings.Repeat("Wort", 200)),
		titled("key", "chatgpt", "The spare key", "Where did I leave the spare key?", "Under the blue flowerpot by the door.", "And the second one?", "Also under a flowerpot, the green one."),
		titled("soup", "chatgpt", "Lentil soup for eight", "How much water for 500 g of lentils?", "About 2 litres."),
		titled("go", "claude-code", "Fix the flaky test in store/sqlite", "It fails once in ten runs.", "The second writer does not wait. I will look at the lock first."),
	}
	for i := range uploads {
		at := api.NewTime(time.Date(2024, time.Month(1+i*2), 3+i, 9, 30, 0, 0, time.UTC))
		for m := range uploads[i].Conversation.Messages {
			uploads[i].Conversation.Messages[m].CreatedAt = &at
		}
	}
	ids := upload(t, s, uploads...)
	s.Ready(t, ids...)
	_, err := s.Client.Edit(t.Context(), pin(ids[4]))
	require.NoError(t, err)
	_, err = s.Client.Delete(t.Context(), ids[5])
	require.NoError(t, err)
	return ids
}

// screens goes through every screen. None may have what axe-core objects to, or be wider
// than the window.
func screens(t *testing.T, b *browser, scheme string, width, height int64) {
	s := service(t)
	p := b.open(t, s)
	p.scheme(scheme)
	p.size(width, height)
	look := func(name string) { t.Helper(); p.look(name, scheme, width) }
	p.goTo("/")
	p.has("lethe-sign-in", "lethe open")
	look("sign-in")
	_, admin := s.NewKey(t, "default", auth.Read, auth.Write, auth.Admin)
	p.signedIn(admin, "/")
	p.has(".list-note", "No chats yet")
	look("no-chats")
	ids := library(t, s)

	p.goTo("/?mode=keyword")
	p.has(".list-head", "6 chats")
	look("list")
	p.press("flowerpot")
	p.has(".row mark", "flowerpot")
	look("found")
	p.press(escape + "zeppelin")
	p.has(".list-note", "Nothing found")
	look("nothing-found")
	p.goTo("/?mode=keyword&q=flowerpot&chat=" + ids[4] + "&at=1")
	p.has(".message.here", "flowerpot")
	look("read-hit")
	p.goTo("/?chat=" + ids[0])
	p.has(".message", "Use the valve first")
	look("read")
	p.goTo("/?chat=" + ids[2])
	p.has(".message", "Nobody knows")
	look("read-long-title")

	p.goTo("/")
	p.has(".list-head", "6 chats")
	p.press(escape + "jx")
	p.has("lethe-bar", "1 selected")
	look("selected")
	p.press("#")
	p.has("dialog", "deleted for good")
	look("delete")
	p.tabTo("dialog button.delete")
	p.press(enter)
	p.has("lethe-bar .held-text", "for good in")
	look("held")
	p.press("u")
	p.lacks(".held-text")
	p.press(escape + "?")
	p.has("dialog", "Keyboard")
	look("keyboard")
	p.press(escape)
	p.tabTo("[aria-label=Menu]")
	p.press(enter)
	p.has("[role=menuitem]", "Receipts")
	look("menu")

	for view, text := range map[string]string{"bring": "How to get your chats", "look": "By platform", "receipts": "reclaimed", "keys": "New workspace"} {
		p.goTo("/?view=" + view)
		p.has("main.other", text)
		look(view)
	}
}

// look checks the screen, and takes a picture of it when that was asked for.
func (p *tab) look(name, scheme string, width int64) {
	p.t.Helper()
	p.sees("document.getAnimations().every((a) => a.playState !== 'running')") // colours that still move have no contrast
	if *pictures != "" {
		picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		require.NoError(p.t, err)
		require.NoError(p.t, os.WriteFile(filepath.Join(*pictures, name+"-"+scheme+"-"+decimal(width)+".png"), picture, 0o600))
	}
	require.LessOrEqual(p.t, eval[int64](p, "document.documentElement.scrollWidth"), width, "%s scrolls sideways", name)
	require.Empty(p.t, eval[string](p, "[...document.querySelectorAll('main, .list-note, .list-body, .chat-body, dialog, lethe-bar, header')].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map((e) => e.tagName + '.' + e.className).join()"), "%s: a part scrolls sideways", name)
	if width < 390 {
		return // the same elements as on a phone
	}
	eval[any](p, p.b.axe+";0")
	found := eval[[]string](p, `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => v.id + ': ' + v.help + ' ' + v.nodes.map((n) => n.html.slice(0, 120) + ' ' + (n.any[0]?.message ?? '')).join(' | ')))`)
	require.Empty(p.t, found, name)
}
