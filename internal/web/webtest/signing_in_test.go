package webtest

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
)

var signingIn = []flow{
	{"sign in by a one-time code", signInByCode},
	{"sign in with a key", signInWithKey},
	{"sign out and revoke", signOutAndRevoke},
	{"sign out in all tabs", signOutInAllTabs},
}

// code gets a one-time code as `lethe open` does.
func code(t *testing.T, s *apptest.Service) string {
	t.Helper()
	_, admin := s.NewKey(t, "default", auth.Read, auth.Write, auth.Admin)
	answer, err := s.With(t, admin).PageCode(t.Context())
	require.NoError(t, err)
	return answer.Code
}

// A code signs in once. It stays neither in the address nor in the history.
func signInByCode(t *testing.T, b *browser) {
	s := service(t)
	s.Upload(t, "one", "Where is the spare key?", "Under the flowerpot.")
	once := code(t, s)
	p := b.open(t, s)
	p.goTo("/#code=" + once)
	p.has("lethe-list .title", "spare key")
	require.Equal(t, s.URL+"/", eval[string](p, "location.href"))
	require.Equal(t, "box", eval[string](p, "document.activeElement.id"), "the box has the focus")
	require.False(t, eval[bool](p, "localStorage.getItem('lethe.key') !== null"), "the key ends with the tab")

	again := b.open(t, s)
	again.goTo("/#code=" + once)
	again.has(".toast.problem", "already used")
	again.has("lethe-sign-in", "lethe open")
}

func signInWithKey(t *testing.T, b *browser) {
	s := service(t)
	s.Upload(t, "one", "Where is the spare key?", "Under the flowerpot.")
	p := b.open(t, s)
	p.goTo("/")
	p.sees("document.activeElement?.id === 'key'")
	p.press("not-a-key\r")
	p.has("lethe-sign-in .problem", "not accepted")
	p.pressWith(chromedp.ModifierCtrl, "a")
	p.press(apptest.Key)
	p.tabTo("#stay")
	p.press(" ")
	p.tabTo("lethe-sign-in button.main")
	p.press("\r")
	p.has("lethe-list .title", "spare key")

	other := p.beside(s)
	other.goTo("/")
	other.has("lethe-list .title", "spare key")

	p.tabTo("button[aria-label=Menu]")
	p.press("\r")
	p.has("[role=menuitem]", "Sign out")
	p.press(up + "\r")
	p.has("dialog", "Sign out?")
	p.tabTo("dialog button.main")
	p.press("\r")
	p.has("lethe-sign-in", "lethe open")
	require.False(t, eval[bool](p, "localStorage.getItem('lethe.key') !== null || sessionStorage.getItem('lethe.key') !== null"))
}

// toSignOut opens the dialog that asks how to sign out.
func (p *tab) toSignOut() {
	p.t.Helper()
	p.tabTo("button[aria-label=Menu]")
	p.press(enter)
	p.has("[role=menuitem]", "Sign out")
	p.press(up + enter)
	p.has("dialog", "Sign out?")
}

func signOutAndRevoke(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	_, token := s.NewKey(t, "default", auth.Read, auth.Write, auth.Admin)
	p := b.open(t, s)
	p.signedIn(token, "/")
	p.has(".list-head", "3 chats")
	p.toSignOut()
	p.look("sign-out", "light", 1280)
	p.tabTo("dialog button.revoke")
	p.press(enter)
	p.has("lethe-sign-in", "lethe open")
	p.lacks(".toast.problem")
	_, err := s.With(t, token).Stats(t.Context())
	require.Error(t, err, "the key is revoked")
}

// Signing out in one tab ends the others too, with what they show and store. A delete that
// one of them holds is sent first.
func signOutInAllTabs(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	first := b.open(t, s)
	first.signedIn(apptest.Key, "/")
	first.has(".list-head", "3 chats")
	second := first.beside(s)
	second.signedIn(apptest.Key, "/")
	second.has(".list-head", "3 chats")
	second.press(escape + "jx#")
	second.toDelete()
	second.press("jx#")
	second.has("dialog .titles", "")
	first.toSignOut()
	first.tabTo("dialog button.main")
	first.press(enter)
	for _, p := range []*tab{first, second} {
		p.has("lethe-sign-in", "lethe open")
		p.lacks("dialog")
		require.NotContains(t, eval[string](p, "document.body.innerText"), "spare key")
		require.False(t, eval[bool](p, "localStorage.getItem('lethe.key') !== null || sessionStorage.getItem('lethe.key') !== null"))
	}
	stored(t, s, 2)
}
