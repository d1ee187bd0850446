package webtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

var ofKeys = []flow{
	{"keys are made and revoked", makeAndRevokeKeys},
	{"a workspace is made and used", makeWorkspace},
	{"keys need the scope", keysNeedScope},
}

// administrator opens the view of keys with a key that may administer.
func administrator(t *testing.T, b *browser, s *apptest.Service) *tab {
	t.Helper()
	_, token := s.NewKey(t, "default", auth.Read, auth.Write, auth.Admin)
	p := b.open(t, s)
	p.allow("clipboard-read", "clipboard-write")
	p.signedIn(token, "/?view=keys")
	p.has("lethe-access h3", "Workspaces")
	return p
}

// A key is made, shown once, used for reading and nothing else, and revoked. On both
// databases.
func makeAndRevokeKeys(t *testing.T, b *browser) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		garden(t, s)
		p := administrator(t, b, s)
		p.tabTo("lethe-access .new-key")
		p.press(enter)
		p.has("dialog h2", "New key")
		p.look("new-key", "light", 1280)
		p.press("for the phone")
		p.tabTo("#k-may")
		p.press("r") // after "read and write" the next with this letter
		require.Equal(t, "read", eval[string](p, "document.getElementById('k-may').value"))
		p.tabTo("dialog button.main")
		p.press(enter)
		p.has("dialog h2", "The new key")
		p.look("the-new-key", "light", 1280)
		require.Equal(t, "Copy", eval[string](p, "document.activeElement.textContent"))
		p.press(enter)
		p.has(".toast", "Copied")
		token := eval[string](p, "navigator.clipboard.readText()")
		p.press(escape)
		p.lacks("dialog")
		p.has("lethe-access td", "for the phone")
		require.NotContains(t, eval[string](p, "document.body.innerText"), token, "it is shown once")

		reader := b.open(t, s)
		reader.signedIn(token, "/")
		reader.has(".list-head", "3 chats")
		reader.press(escape + "jx")
		reader.has("lethe-bar", "1 selected")
		reader.lacks("button.delete")

		p.tabTo("lethe-access tr:has(td:first-child) button[aria-label='Revoke the key for the phone']")
		p.press(enter)
		p.has("dialog h2", "Revoke the key for the phone?")
		p.look("revoke", "light", 1280)
		p.tabTo("dialog button.delete")
		p.press(enter)
		p.has("lethe-access td", "revoked")
		reader.has("lethe-sign-in", "lethe open")
	})
}

// A workspace is made, the page goes on in it, and goes back.
func makeWorkspace(t *testing.T, b *browser) {
	s := service(t)
	garden(t, s)
	p := administrator(t, b, s)
	p.tabTo("lethe-access .new-workspace")
	p.press(enter)
	p.has("dialog h2", "New workspace")
	p.look("new-workspace", "light", 1280)
	p.press("attic" + enter)
	p.has("lethe-access li", "attic")
	p.tabTo("button[aria-label='Use the workspace attic']")
	p.press(enter)
	p.has(".list-note", "No chats yet")
	p.goTo("/?view=keys")
	p.has("lethe-access p strong", "attic")
	p.has("lethe-access h3", "Workspaces")
	p.look("keys-of-another-workspace", "light", 1280)
	p.tabTo("button[aria-label='Use the workspace default']")
	p.press(enter)
	p.has(".list-head", "3 chats")
}

// Whoever may not administer is told how keys are made, and is shown none.
func keysNeedScope(t *testing.T, b *browser) {
	s := service(t)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?view=keys")
	p.has("lethe-access code", "lethe keys create")
	p.look("keys-without-scope", "light", 1280)
	p.lacks("lethe-access table, lethe-access button")
	require.Zero(t, p.sent("GET", "/api/keys"))
}
