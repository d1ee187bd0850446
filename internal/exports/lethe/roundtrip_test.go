package lethe_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// odd are texts with every kind of character that a format could lose.
var odd = []string{
	"", " ", "plain", "\"quoted\" \\back\\ /slash/ \\u2028 \\n", "line\nbreak\r\n\ttab\b\f\v", "\x01\x02\x1f\x7f\u0080\u009f", "\u2028\u2029\ufeff\u200d\u202e",
	"é e\u0301 ü", "日本語 עברית العربية", "😀👩‍👩‍👧", "\ufffd\uffff\U0010ffff", "<b>&amp;</b>", "{\"conversation\":{}}", "\xff", "nul\x00", strings.Repeat("long ü ", 3000),
}

func randomChat(random *rand.Rand, id int) chat.Upload {
	text := func() string { return odd[random.IntN(len(odd))] }
	maybe := func() *bool { return []*bool{nil, new(true), new(false)}[random.IntN(3)] }
	at := func() time.Time { return time.UnixMicro(1_600_000_000_000_000 + random.Int64N(1e14)).UTC() }
	u := chat.Upload{
		Platform: []string{"chatgpt", "claude", "Custom-1._"}[random.IntN(3)], DisplayName: "Name", ExternalID: fmt.Sprint(id, " ü\"/"),
		Title: text(), CreatedAt: at(), UpdatedAt: at(), Pinned: maybe(), TellsMarks: true,
		Source: chat.Source{Archived: maybe(), Starred: maybe(), Project: text(), Link: []string{"", "https://a.b/c?d=\u00fc&e"}[random.IntN(2)]},
	}
	for i := range 1 + random.IntN(12) {
		m := chat.UploadMessage{
			Role: []string{"human", "assistant", "system", "tool"}[random.IntN(4)], Text: text(),
			Inferred: random.IntN(3) == 0, Hidden: random.IntN(4) == 0, CreatedAt: at(),
		}
		if random.IntN(2) == 0 {
			m.ExternalID = fmt.Sprint(i, "é\"")
		}
		if random.IntN(4) == 0 {
			m.Branch, m.Files = "b\"é", []string{"a\"b\n.png", text(), "日本.pdf"}
		}
		u.Messages = append(u.Messages, m)
	}
	return u
}

// told returns everything of a workspace that an export must keep.
func told(t *testing.T, f *historytest.Fixture) map[string]chat.Transcript {
	t.Helper()
	all := map[string]chat.Transcript{}
	for c, err := range f.Access().Export(t.Context(), chat.Filter{}) {
		require.NoError(t, err)
		kept := chat.Transcript{Conversation: chat.Conversation{
			Platform: c.Platform, ExternalID: c.ExternalID, Title: c.Title, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
			Pinned: c.Pinned, Source: c.Source, Messages: c.Messages,
		}}
		for part, err := range c.Parts(t.Context()) {
			require.NoError(t, err)
			if part.Begins() {
				part.Message.ID = ""
				kept.Turns = append(kept.Turns, part.Message)
			} else {
				kept.Turns[len(kept.Turns)-1].Text += part.Text
			}
		}
		all[c.Platform+" "+c.ExternalID] = kept
	}
	return all
}

func exported(t *testing.T, f *historytest.Fixture) string {
	t.Helper()
	var out bytes.Buffer
	for c, err := range f.Access().Export(t.Context(), chat.Filter{}) {
		require.NoError(t, err)
		require.NoError(t, lethe.Write(&out, c.Conversation, c.Parts(t.Context()), c.PlatformName))
	}
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, len(line), chat.MaxTextBytes+lethe.Envelope)
	}
	return out.String()
}

func imported(t *testing.T, f *historytest.Fixture, file string) history.Imported {
	t.Helper()
	m := format.Member{Path: "f.jsonl", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(file)), nil }}
	done, err := f.Access().ImportFile(t.Context(), func(yield func(history.Read) bool) {
		out := &format.Out{
			Take: func(c format.Conversation) error {
				yield(history.Read{Upload: c.Upload, Line: c.Place.Line})
				return nil
			},
			Fail: func(_ format.Place, err error) { require.NoError(t, err) },
		}
		require.NoError(t, lethe.Format().Read(t.Context(), m, out))
	}, false)
	require.NoError(t, err)
	require.Empty(t, done.Problems)
	return done
}

// both opens a workspace in each kind of database.
func both(t *testing.T) (all []*historytest.Fixture) {
	t.Helper()
	for _, kind := range storetest.Kinds(t) {
		all = append(all, historytest.New(t, storetest.New(t, kind), ""))
	}
	return all
}

// Whatever can be stored is exported and imported, equal to the last field, from each kind
// of database into each.
func TestWhatIsStoredComesBack(t *testing.T) {
	for _, from := range both(t) {
		const seed = 20260303
		random := rand.New(rand.NewPCG(seed, 1))
		for i := range 60 {
			u := randomChat(random, i)
			from.Ingest(u)
			if i%7 == 0 { // it grows, and a part of it changes
				u.Messages = append(u.Messages, randomChat(random, i).Messages[0])
				u.Messages[len(u.Messages)-1].ExternalID = ""
				from.Ingest(u)
			}
		}
		want, file := told(t, from), exported(t, from)
		require.Len(t, want, 60)
		for _, into := range both(t) {
			require.Equal(t, 60, imported(t, into, file).Conversations)
			require.Equal(t, want, told(t, into))
			require.Equal(t, file, exported(t, into))
			before := told(t, into)
			imported(t, into, file)
			require.Equal(t, before, told(t, into), "a second time changes nothing")
		}
	}
}

// A conversation that is longer than the maximum of an upload is written as several lines, and is complete after the
// import.
func TestAVeryLongConversationComesBack(t *testing.T) {
	for _, from := range both(t) {
		long := chat.Upload{ExternalID: "long", Messages: make([]chat.UploadMessage, 0, 60_000)}
		for i := range cap(long.Messages) {
			long.Messages = append(long.Messages, chat.UploadMessage{Role: []string{"human", "assistant"}[i%2], Text: fmt.Sprint("again ", i%5)})
		}
		for _, part := range long.Split(chat.DefaultPartLimits()) {
			from.Ingest(part)
		}
		from.Ingest(chat.Upload{ExternalID: "big", Messages: []chat.UploadMessage{{Role: "human", Text: "first"}, {Role: "human", Text: strings.Repeat("\u2028\"", 9<<20/4)}, {Role: "human", Text: "last"}}})
		want, file := told(t, from), exported(t, from)
		require.Equal(t, 9, strings.Count(file, "\n"), "six lines and three")
		into := both(t)[0]
		require.Equal(t, 2, imported(t, into, file).Conversations)
		require.Equal(t, want, told(t, into))
		require.Equal(t, file, exported(t, into))
	}
}
