package webtest

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
)

var hostile = []flow{
	{"hostile texts", hostileTexts},
	{"hostile addresses", hostileAddresses},
	{"a line of 5 MB", hugeLine},
}

// attack is what each text of hostileTexts tries to run.
const attack = "globalThis.attacked = true"

// hostileTexts are stored as titles, messages, projects and names. They are shown and searched
// for as texts. That nothing ran and nothing was loaded, each tab checks by itself.
func hostileTexts(t *testing.T, b *browser) {
	s := service(t)
	texts := []string{
		"<script>" + attack + "</script>", `<img src=x onerror="` + attack + `">`, `"><svg onload="` + attack + `">`,
		"[click](javascript:" + attack + ")", "[click](data:text/html,<script>" + attack + "</script>)", "![look](https://tracker.example/pixel.png)",
		`<iframe src="https://tracker.example/"></iframe>`, `<style>@import "https://tracker.example/a.css"; * { display: none }</style>`,
		`<form action="https://tracker.example/"><input name=key></form>`, `<base href="https://tracker.example/">`, `<meta http-equiv="refresh" content="0;url=https://tracker.example/">`,
		`<a href="https://tracker.example/" ping="https://tracker.example/ping" style="position:fixed;inset:0">over everything</a>`,
		"\u202Egnp.exe\u202C and \u2066isolated\u2069 \u200F", "\x1b]0;title\x07\x1b[31mred\x1b[0m \x07", "𝕳𝖊𝖑𝖑𝖔 𝒲𝑜𝓇𝓁𝒹 𝟙𝟚𝟛", "Z\u0351\u036B\u0343\u036A\u0302a\u034A\u0351l\u0350\u0364g\u0357o", "broken \xff\xfe\xed\xa0\x80 bytes",
		"{{constructor.constructor('" + attack + "')()}}", "${" + attack + "}", "`\n```html\n<script>" + attack + "</script>\n", strings.Repeat("> ", 500) + "deep", strings.Repeat("- ", 500) + "deep",
	}
	var ids []string
	for i, text := range texts {
		u := titled(string(rune('a'+i)), "chatgpt", text, text, "harmless answer", text+"\n\n"+text)
		u.PlatformDisplayName, u.Conversation.Project = new("ChatGPT <b>"), &text
		u.Conversation.Link = new("javascript:" + attack)
		answer, err := s.Client.Upload(t.Context(), u)
		if err != nil { // a link or a name that is refused cannot be shown either
			u.Conversation.Link, u.Conversation.Project = nil, nil
			answer, err = s.Client.Upload(t.Context(), u)
		}
		require.NoError(t, err, "%q", text)
		ids = append(ids, answer.ConversationID)
	}
	s.Ready(t, ids...)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-head", plainCount(len(texts)))
	for i, id := range ids {
		p.goTo("/?chat=" + id + "&q=" + url.QueryEscape(texts[i]))
		p.has(".message", "harmless answer")
		p.sees("document.querySelectorAll('.message').length === 3")
		require.Empty(t, eval[string](p, `[...document.querySelectorAll('lethe-app script, lethe-app iframe, lethe-app form, lethe-app base, lethe-app meta, lethe-app style, lethe-app img, lethe-app [onerror], lethe-app [onload], lethe-app [style*=position], lethe-app a[ping], lethe-app a[href^="javascript:" i], lethe-app a[href^="data:" i]')].map((e) => e.outerHTML).join()`), "%q", texts[i])
	}
	p.goTo("/?view=look")
	p.has("lethe-look", "By platform")
	require.False(t, eval[bool](p, "'attacked' in globalThis"))
}

// An address is somebody else's text, too.
func hostileAddresses(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := b.open(t, s)
	for _, query := range []string{
		"view=constructor", "view=__proto__", "view=toString", "at=abc", "at=-1", "at=99999999999", "chat=..%2F..%2Fkeys", "chat=%00", "chat=%FF",
		"platform=constructor", "platform=%3Cimg%20src%3Dx%3E", "from=x", "to=9999-99-99", "import=nonsense", "q=%3Cscript%3E" + url.QueryEscape(attack) + "%3C%2Fscript%3E", "q=" + strings.Repeat("a", 3000), "q=(%5B*%2B",
	} {
		p.signedIn(apptest.Key, "/?"+query)
		p.has(".brand", "Lethe")
		p.sees("document.querySelector('lethe-list')?.innerText.trim() || document.querySelector('main.other')?.innerText.trim()")
	}
	p.signedIn(apptest.Key, "/?mode=nonsense")
	p.has(".list-head", "3 chats")
	p.press("flowerpot")
	p.has(".row mark", "flowerpot")
	require.False(t, eval[bool](p, "'attacked' in globalThis"))
}

// One message of one line of 5 MB opens, folded, and the page remains usable.
func hugeLine(t *testing.T, b *browser) {
	s := service(t, apptest.WithEnv("LETHE_EMBEDDER=none"))
	u := titled("huge", "chatgpt", "Huge", strings.Repeat("word ", 1<<20), "The short answer.")
	ids := upload(t, s, u, titled("other", "chatgpt", "Another", "A question?", "An answer."))
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?chat="+ids[0])
	p.has(".message", "The short answer.")
	p.has(".message button.link", "Show more of it (65,536 characters)")
	p.has(".message", "Only the first 65,536 characters are shown.")
	p.allow("clipboard-read", "clipboard-write")
	p.tabTo("[aria-label='More about this chat']")
	p.press(enter + enter)
	p.has(".toast", "Copied as Markdown")
	require.Greater(t, eval[int](p, "navigator.clipboard.readText().then((text) => text.length)"), 5_000_000, "nothing of it is cut")
	p.press(escape)
	p.has(".list-head", "2 chats")
	p.goTo("/?chat=" + ids[1])
	p.has(".message", "An answer.")
}
