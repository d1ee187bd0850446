package webtest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/pkg/api"
)

var reading = []flow{
	{"read: hits", readHits},
	{"read: rename, pin, copy, export", readAndChange},
	{"read a long chat", readLong},
}

// pin pins a conversation.
func pin(id string) api.EditRequest { return api.EditRequest{ConversationID: id, Pinned: new(true)} }

func readHits(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?mode=keyword&q=flowerpot")
	p.has(".list-head", "2 chats")
	p.sees("document.activeElement?.id === 'box'")
	p.press(down)
	for eval[string](p, "document.querySelector('.row.active .title')?.textContent ?? ''") != "The spare key" {
		p.press("j")
	}
	p.press(enter)
	p.has("lethe-reader h2", "The spare key")
	p.has(".hit-bar", "of 2")
	first := eval[string](p, "document.querySelector('.message.here').dataset.position")
	p.press("n")
	p.sees("document.querySelector('.message.here').dataset.position !== " + quote(first))
	p.press("p")
	p.sees("document.querySelector('.message.here').dataset.position === " + quote(first))
	p.sees("CSS.highlights.get('hit')?.size >= 2")
	p.press(escape)
	p.has("lethe-reader .blank", "Choose a chat")
}

func readAndChange(t *testing.T, b *browser) {
	s := service(t)
	ids := garden(t, s)
	p := b.open(t, s)
	p.allow("clipboard-read", "clipboard-write")
	p.signedIn(apptest.Key, "/?chat="+ids[2])
	p.has("lethe-reader h2", "The spare key")

	p.tabTo("[aria-label='More about this chat']")
	p.press(enter + down + down)
	p.has("[role=menuitem]:focus", "Rename")
	p.press(enter)
	p.sees("document.activeElement.matches('.rename')")
	p.press("Keys of the house" + enter)
	p.has("lethe-reader h2", "Keys of the house")
	p.has(".row .title", "Keys of the house")

	p.tabTo("[aria-label=Pin]")
	p.press(enter)
	p.has(".row .pin", "")
	p.sees("document.querySelector('lethe-reader [aria-label=Unpin]')")

	p.tabTo("[aria-label='More about this chat']")
	p.press(enter)
	p.has("[role=menuitem]:focus", "Copy as Markdown")
	p.press(enter)
	p.has(".toast", "Copied as Markdown")
	copied := eval[string](p, "navigator.clipboard.readText()")
	require.True(t, strings.HasPrefix(copied, "# Keys of the house\n"), copied)
	require.Contains(t, copied, "**You**")
	require.Contains(t, copied, "Under the blue flowerpot by the door.")

	p.press("e")
	file := p.saved("Keys of the house.jsonl")
	require.Contains(t, file, "blue flowerpot")

	c, err := s.Client.Get(t.Context(), ids[2])
	require.NoError(t, err)
	require.Equal(t, "Keys of the house", c.Title)
}

// allow grants permissions to the page.
func (p *tab) allow(permissions ...string) {
	p.t.Helper()
	for _, name := range permissions {
		_, err := chromedp.CallBrowser(p.ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
			Permission: &cdpbrowser.PermissionDescriptor{Name: name}, Setting: cdpbrowser.PermissionSettingGranted,
			BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		})
		require.NoError(p.t, err)
	}
}

// saved waits until the page has saved a file, and returns its content.
func (p *tab) saved(name string) string {
	p.t.Helper()
	var content []byte
	apptest.Await(p.t, "the page has saved "+name, func(context.Context) (bool, error) {
		var err error
		content, err = os.ReadFile(filepath.Join(p.downloads, name))
		return err == nil && len(content) > 0, nil
	})
	return string(content)
}

// A chat of 50,000 messages: only some of them are elements, from the first to the last.
func readLong(t *testing.T, b *browser) {
	const messages = 50_000
	s := service(t, apptest.WithEnv("LETHE_EMBEDDER=none"))
	id := long(t, s, "A very long chat", messages)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?chat="+id)
	p.has(".message", "This is message 0 of")
	p.has("lethe-reader .chat-name", "50,000 messages")
	p.tabTo(".chat-body")
	p.press(end)
	p.has(".message", "This is message 49999 of")
	p.press(home)
	p.has(".message", "This is message 0 of")
	require.Less(t, eval[int](p, "document.querySelectorAll('.message').length"), 500)

	p.goTo("/?chat=" + id + "&at=31234")
	p.has(".message.here", "This is message 31234 of")
	p.sees("(() => { const m = document.querySelector('.message.here').getBoundingClientRect(), b = document.querySelector('.chat-body').getBoundingClientRect(); return m.top >= b.top && m.bottom <= b.bottom })()")
}
