package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/lethe-chat/lethe/internal/chat"
)

// held is a message as the client has it.
type held struct {
	role, text, id string
	sent           bool // some version of its text was sent
	told           bool // its current text was sent
}

// holder simulates a client whose conversation grows and is edited, and holds the
// merged result of its uploads. choose returns a number below n and is the only source
// of randomness.
type holder struct {
	t       testing.TB
	choose  func(n int) int
	ids     int // 0: none, 1: all, 2: on the answers only, 3: as each upload likes
	chat    []held
	dropped int
	count   int
	store   chat.Transcript
	story   []string // the steps so far, for failure messages
}

func (h *holder) tell(format string, args ...any) {
	h.story = append(h.story, fmt.Sprintf(format, args...))
}

func (h *holder) text() string {
	h.count++
	if h.choose(6) == 0 {
		return repeated
	}
	return fmt.Sprintf("é%d", h.count)
}

func (h *holder) message(role string) held {
	m := held{role: role, text: h.text()}
	if role == "assistant" {
		m.text = fmt.Sprintf("answer %d", h.count) // only people repeat themselves
		if h.choose(12) == 0 {
			m.text = ""
		}
	}
	m.id = fmt.Sprint("m", h.count)
	return m
}

func (h *holder) grow() {
	for range 1 + h.choose(3) {
		h.chat = append(h.chat, h.message("human"))
		if h.choose(8) > 0 {
			h.chat = append(h.chat, h.message("assistant"))
		}
	}
	h.tell("grow to %d", len(h.chat))
}

// known reports for each message whether its current text is stored exactly once, so
// that the place of an upload can be recognized.
func (h *holder) known() (known []bool) {
	stored := map[string]int{}
	for _, m := range h.store.Turns {
		stored[plain(m.Text)]++
	}
	for _, m := range h.chat {
		known = append(known, m.sent && m.text != "" && stored[plain(m.text)] == 1)
	}
	return known
}

// plain returns a text without what an upload may write in another way.
func plain(text string) string { return strings.Join(strings.Fields(norm.NFC.String(text)), " ") }

// spacings are the ways in which clients change the white space of all texts.
var spacings = []func(string) string{
	func(text string) string { return text },
	func(text string) string { return text + "\n" },
	func(text string) string { return " " + strings.ReplaceAll(text, " ", "\r\n") },
	func(text string) string { return strings.ReplaceAll(text, " ", "  ") + "\u00a0" },
}

// repeated is a text that people send again and again.
const repeated = "continue, Zoë"

// edit changes a message, often the first. At least one message stays unchanged,
// because an upload that shares nothing with the stored conversation cannot be placed.
// Repeated and blank texts stay too: elsewhere in the upload they would look moved.
func (h *holder) edit() {
	at := h.choose(len(h.chat))
	if h.choose(3) == 0 {
		at = 0
	}
	known := h.known()
	known[at] = false
	if !slices.Contains(known, true) || h.chat[at].text == repeated || h.chat[at].text == "" {
		return
	}
	h.count++
	h.chat[at].text, h.chat[at].told = fmt.Sprintf("edited %d", h.count), false
	h.tell("edit %d to %q", at, h.chat[at].text)
}

func (h *holder) putInFront() {
	role := []string{"system", "human"}[h.choose(2)]
	prompt := h.message(role)
	prompt.text = fmt.Sprintf("prompt %d", h.count)
	h.chat = slices.Insert(h.chat, 0, prompt)
	h.tell("put a %s in front", role)
}

// dropBlank removes a blank message, as some clients do.
func (h *holder) dropBlank() {
	if at := slices.IndexFunc(h.chat, func(m held) bool { return m.text == "" }); at >= 0 {
		if h.chat[at].sent {
			h.dropped++
		}
		h.chat = slices.Delete(h.chat, at, at+1)
		h.tell("drop the blank %d", at)
	}
}

// upload sends the conversation from a place on, with or without ids, in either encoding
// of accents, and with any white space.
func (h *holder) upload(from int) {
	u := chat.Upload{ExternalID: "x", Title: "T"}
	encode := []func(string) string{norm.NFC.String, norm.NFD.String}[h.choose(2)]
	space := spacings[h.choose(len(spacings))]
	withIDs := h.ids
	if withIDs == 3 {
		withIDs = h.choose(3)
	}
	for i := from; i < len(h.chat); i++ {
		m := &h.chat[i]
		m.sent, m.told = true, true
		sent := chat.UploadMessage{Role: m.role, Text: space(encode(m.text))}
		if withIDs == 1 || (withIDs == 2 && m.role == "assistant") {
			sent.ExternalID = m.id
		}
		u.Messages = append(u.Messages, sent)
	}
	checked := valid(h.t, u, noon)
	h.tell("send from %d: %v", from, short(chat.NewTranscript(checked).Turns))
	if len(h.store.Turns) == 0 {
		h.store = chat.NewTranscript(checked)
	} else {
		h.store.Turns = chat.Merge(h.store, checked).Messages
	}
	h.tell("stored: %v", short(h.store.Turns))
	again := chat.Merge(h.store, checked)
	require.False(h.t, again.Changed(), "sending it again changed something: %v\n%s", short(again.Messages), strings.Join(h.story, "\n"))
}

// tail chooses where an upload begins. It includes everything that was not sent yet and
// some earlier messages that both sides know, because without them the upload could not
// be placed.
func (h *holder) tail() int {
	known, enough := h.known(), 0
	unsent := slices.IndexFunc(h.chat, func(m held) bool { return !m.sent })
	for from := len(h.chat) - 1; from > 0; from-- {
		if known[from] {
			enough++
		}
		if enough >= 3 && (unsent < 0 || from < unsent) && h.choose(2) == 0 {
			return from
		}
	}
	return 0
}

// check verifies that the store has no more messages than the conversation has had, and
// that no message is lost unless it was edited.
func (h *holder) check() {
	story := strings.Join(h.story, "\n")
	require.LessOrEqual(h.t, len(h.store.Turns), len(h.chat)+h.dropped, "more messages are stored than the client has:\n%s", story)
	stored := map[string]int{}
	for _, m := range h.store.Turns {
		stored[string(m.Sender)+plain(m.Text)]++
	}
	for _, m := range h.chat {
		if !m.told {
			continue
		}
		key := m.role + plain(m.text)
		require.Positive(h.t, stored[key], "%q is lost:\n%s", m.text, story)
		stored[key]--
	}
}

// play runs a number of edits and uploads.
func (h *holder) play(uploads int) {
	h.grow()
	h.upload(0)
	for range uploads {
		for range 1 + h.choose(2) {
			switch h.choose(8) {
			case 0, 1, 2:
				h.grow()
			case 3, 4:
				h.edit()
			case 5:
				h.putInFront()
			case 6:
				h.dropBlank()
			}
		}
		from := 0
		if h.choose(2) == 0 {
			from = h.tail()
		}
		h.upload(from)
		h.check()
	}
}

func newHolder(t testing.TB, choose func(n int) int) *holder {
	return &holder{t: t, choose: choose, ids: choose(4)}
}

// Whichever part of its conversation a client sends, no message is duplicated and none
// is lost.
func TestAResendNeverDuplicatesAndNeverLoses(t *testing.T) {
	const seed = 20260301
	t.Logf("seed %d", seed)
	for round := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, round))
		newHolder(t, random.IntN).play(6)
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
}

// FuzzResend lets the fuzzer make the choices of TestAResendNeverDuplicatesAndNeverLoses.
func FuzzResend(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7})
	f.Add([]byte("9dd")) // the same white space further up is less evidence than the place
	f.Add([]byte("\x03\x01\x02\x00\x05\x07\x01\x00\x00\x02\x03\x03\x06"))
	f.Fuzz(func(t *testing.T, choices []byte) {
		at := 0
		newHolder(t, func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			at++
			return (int(choices[at%len(choices)]) + at/len(choices)) % n
		}).play(5)
	})
}

// FuzzMerge merges arbitrary conversations: no stored message is removed, every sent
// message is present, and a second upload changes nothing.
func FuzzMerge(f *testing.F) {
	f.Add("hq|aa", "hq|aa|hb")
	f.Add("h1q|a2a|hq|hq", "hx|a2b|hq|a|a")
	f.Add("sx|hq|aa|hq|aa", "sy|aa|hq|aa|hq|ta")
	f.Fuzz(func(t *testing.T, before, sent string) {
		a, okA := anyUpload(before)
		b, okB := anyUpload(sent)
		if !okA || !okB {
			return
		}
		stored := chat.NewTranscript(a)
		m := chat.Merge(stored, b)
		require.Len(t, m.Messages, len(stored.Turns)+m.Added)
		next := 0
		for _, msg := range m.Messages {
			if next < len(stored.Turns) && msg.ID == stored.Turns[next].ID {
				next++
			}
		}
		require.Equal(t, len(stored.Turns), next, "stored messages keep their order")
		texts := map[string]bool{}
		for _, msg := range m.Messages {
			texts[norm.NFC.String(msg.Text)] = true
		}
		for _, u := range chat.NewTranscript(b).Turns {
			require.True(t, texts[norm.NFC.String(u.Text)], "%q was sent", u.Text)
		}
		stored.Turns = m.Messages
		again := chat.Merge(stored, b)
		require.False(t, again.Changed(), "%v\n%v", short(m.Messages), short(again.Messages))
	})
}

// anyUpload reads messages that are separated by "|": the first letter is the sender, a
// digit after it is the id.
func anyUpload(text string) (chat.ValidUpload, bool) {
	u := chat.Upload{ExternalID: "x", Title: "T"}
	for _, line := range strings.Split(text, "|") {
		if line == "" {
			continue
		}
		m := chat.UploadMessage{Role: map[byte]string{'a': "assistant", 's': "system", 't': "tool"}[line[0]], Text: line[1:]}
		if m.Role == "" {
			m.Role = "human"
		}
		if m.Text != "" && m.Text[0] >= '0' && m.Text[0] <= '9' {
			m.ExternalID, m.Text = m.Text[:1], m.Text[1:]
		}
		u.Messages = append(u.Messages, m)
	}
	v, err := u.Validate(time.Unix(0, 0))
	return v, err == nil
}
