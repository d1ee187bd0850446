package webtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/pkg/api"
)

var ofMessages = []flow{
	{"delete one message", deleteMessage},
	{"branches and hidden messages are folded", foldAsides},
}

func deleteMessage(t *testing.T, b *browser) {
	s := service(t)
	u := titled("wifi", "chatgpt", "The password is hunter2", "The password is hunter2", "Noted.", "And the boiler?")
	id := upload(t, s, u)[0]
	s.Ready(t, id)
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?chat="+id)
	p.has("lethe-reader h2", "hunter2")
	const button = "[data-position='0'] [aria-label^='Delete this message']"
	ask := func(key string) {
		p.tabTo(button)
		p.press(key)
		p.has("dialog", "no later upload or import of this chat brings it back")
		p.has("dialog", "The title quotes it")
		p.tabTo("dialog button.delete")
		p.press(enter)
		p.has("lethe-bar", "Deletes 1 message for good")
		p.has(".message.held", "hunter2")
	}
	ask(enter)
	p.press("u")
	p.lacks(".message.held")
	ask("d")
	p.has(".toast", "1 message deleted")
	p.has("lethe-reader h2", "And the boiler?")
	p.has(".row .title", "And the boiler?")

	require.Equal(t, []string{id}, upload(t, s, u))
	left, err := s.Client.Messages(t.Context(), id, 0, 10)
	require.NoError(t, err)
	require.Equal(t, 2, left.Total)
	p.goTo("/?view=receipts")
	p.has("lethe-receipts", "single messages")
}

func foldAsides(t *testing.T, b *browser) {
	s := service(t)
	u := titled("key", "chatgpt", "The spare key", "Where is it?", "You are helpful.", "Under the pot.", "Where?", "In the car.")
	for i, m := range []api.UploadedMessage{{}, {Hidden: new(true)}, {}, {Branch: new("b")}, {Branch: new("b")}} {
		u.Conversation.Messages[i].Hidden, u.Conversation.Messages[i].Branch = m.Hidden, m.Branch
	}
	id := upload(t, s, u)[0]
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/?chat="+id)
	p.has(".aside summary", "1 hidden message")
	const seen = "[...document.querySelectorAll('.message')].filter((m) => m.checkVisibility()).length"
	p.sees(seen + " === 2")
	p.tabTo(".aside:last-of-type summary")
	p.press(enter)
	p.sees(seen + " === 4")
	p.goTo("/?chat=" + id + "&at=1")
	p.sees("document.querySelector('.message.here')?.checkVisibility()")
}
