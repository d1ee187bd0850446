package chat_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// A link is shown on a page, so only an address that a browser opens as a page is one.
func TestOnlyWebAddressesAreLinks(t *testing.T) {
	for _, link := range []string{
		"https://chatgpt.com/c/67c2f0aa", "http://localhost:3000/c/1?a=b&c=d#e", "HTTPS://claude.ai/chat/1", "https://例え.jp/ü",
		"https://a.b/" + strings.Repeat("x", chat.MaxLinkBytes-12),
	} {
		require.True(t, chat.IsLink(link), link)
	}
	for _, link := range []string{
		"", "claude.ai/chat/1", "//claude.ai/x", "javascript:alert(1)", "JavaScript://a.b/%0aalert(1)", "data:text/html,x", "file:///etc/passwd",
		"https://", "https:///path", "https://:80/", "https://user:secret@a.b/", "https://user@a.b/", "https://a.b/ c", "https://a.b/\n", "https://a.b/\u202ex",
		"https://a.b/\"onclick=", "https://a.b/'", "https://a.b/<b>", "https://a.b/`", `https:\\a.b`, "https://a.b/\xff", "https://a.b/%zz",
		"https://a.b/" + strings.Repeat("x", chat.MaxLinkBytes-11),
	} {
		require.False(t, chat.IsLink(link), link)
	}
}

func rich(change ...func(u *chat.Upload)) chat.Upload {
	u := chat.Upload{
		ExternalID: "x", Title: "T", CreatedAt: noon, UpdatedAt: noon, TellsMarks: true,
		Source: chat.Source{Archived: new(true), Starred: new(false), Project: "Trips", Link: "https://a.b/c"},
		Messages: []chat.UploadMessage{
			{Role: "human", Text: "question", CreatedAt: noon, Files: []string{"map.png"}},
			{Role: "assistant", Text: "thinking", CreatedAt: noon, Inferred: true, Hidden: true},
			{Role: "assistant", Text: "other answer", CreatedAt: noon, Branch: "b"},
			{Role: "assistant", Text: "answer", CreatedAt: noon},
		},
	}
	for _, c := range change {
		c(&u)
	}
	return u
}

func TestWhatAReaderBringsIsKept(t *testing.T) {
	stored := chat.NewTranscript(valid(t, rich(), noon))
	require.True(t, stored.Source.Equal(rich().Source))
	require.Equal(t, []string{"map.png"}, stored.Turns[0].Files)
	require.True(t, stored.Turns[1].Inferred && stored.Turns[1].Hidden && !stored.Turns[0].Inferred)
	require.Equal(t, "b", stored.Turns[2].Branch)

	u := rich(func(u *chat.Upload) {
		u.Source.Project, u.Messages[0].Files = " My\n"+strings.Repeat("x", 600), []string{" a\nb ", "", strings.Repeat("ü", 300), "nul\x00"}
	})
	stored = chat.NewTranscript(valid(t, u, noon))
	require.Equal(t, "My "+strings.Repeat("x", 497), stored.Source.Project)
	require.Equal(t, []string{"a b", strings.Repeat("ü", chat.MaxFileNameRunes), "nul\uFFFD"}, stored.Turns[0].Files)

	many := func(n int, name string) chat.Upload {
		return rich(func(u *chat.Upload) { u.Messages[1].Files = strings.Split(strings.Repeat(name+",", n-1)+name, ",") })
	}
	for name, u := range map[string]chat.Upload{
		"link must be an http or https address": rich(func(u *chat.Upload) { u.Source.Link = "javascript:alert(1)" }),
		"messages[1].branch must have at most":  rich(func(u *chat.Upload) { u.Messages[1].Branch = strings.Repeat("x", chat.MaxBranchRunes+1) }),
		"messages[1].files must have at most":   many(chat.MaxFiles+1, "a"),
		"of together 16000":                     many(81, strings.Repeat("x", 200)),
	} {
		_, err := u.Validate(noon)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		require.ErrorContains(t, err, name)
	}
	valid(t, many(chat.MaxFiles, "a"), noon)
}

// What a file has wrong beside the conversation does not cost the conversation.
func TestAFileIsRepaired(t *testing.T) {
	u := rich(func(u *chat.Upload) {
		u.Source.Link = "claude.ai/x"
		u.Messages[0].Files = make([]string, 0, 500)
		for range 500 {
			u.Messages[0].Files = append(u.Messages[0].Files, strings.Repeat("y", 300))
		}
		u.Messages[1].Files = make([]string, 101)
	})
	before := u.Messages
	removed := u.Repair()
	require.Len(t, removed, 2)
	require.Empty(t, u.Source.Link)
	require.Len(t, u.Messages[0].Files, 80)
	require.Len(t, before[0].Files, 500, "the caller's messages do not change")
	valid(t, u, noon)
	require.Empty(t, u.Repair())
	sound := rich()
	require.Empty(t, sound.Repair())
	require.Equal(t, rich(), sound)
}

// A re-send changes what it says, and an index is made again only for what it contains.
func TestAResendOfMarks(t *testing.T) {
	stored := chat.NewTranscript(valid(t, rich(), noon))
	again := chat.Merge(stored, valid(t, rich(), noon))
	require.False(t, again.Changed())
	require.Empty(t, again.Edited)
	require.True(t, again.Source.Equal(stored.Source))

	silent := chat.Upload{ExternalID: "x", Messages: []chat.UploadMessage{
		{Role: "human", Text: "question"}, {Role: "assistant", Text: "thinking"}, {Role: "assistant", Text: "other answer"}, {Role: "assistant", Text: "answer"},
	}}
	again = chat.Merge(stored, valid(t, silent, noon.AddDate(1, 0, 0)))
	require.Empty(t, again.Edited, "an upload that says nothing of marks keeps them")
	require.True(t, again.Source.Equal(stored.Source))

	says := func(change func(u *chat.Upload)) chat.Merged {
		return chat.Merge(stored, valid(t, rich(change), noon))
	}
	m := says(func(u *chat.Upload) {
		u.Source = chat.Source{Starred: new(true), Link: "https://a.b/d"}
	})
	require.True(t, m.Source.Equal(chat.Source{Archived: new(true), Starred: new(true), Project: "Trips", Link: "https://a.b/d"}))
	require.False(t, m.Changed())
	m = says(func(u *chat.Upload) { u.Messages[0].Files, u.Messages[3].Files = nil, []string{"b"} })
	require.False(t, m.Changed())
	require.Len(t, m.Edited, 2)
	require.Nil(t, m.Messages[0].Files)
	require.True(t, says(func(u *chat.Upload) { u.Messages[3].Hidden = true }).Changed())
	require.True(t, says(func(u *chat.Upload) { u.Messages[3].Hidden, u.Messages[0].Files = true, nil }).Changed())
}

// A time of the source's own replaces an inferred one, and not the other way around.
func TestAnInferredTimeYields(t *testing.T) {
	own, other := noon, noon.AddDate(0, 0, 1)
	turn := func(inferred bool, at ...int) chat.ValidUpload {
		m := chat.UploadMessage{Role: "human", Text: "a", Inferred: inferred}
		if len(at) > 0 {
			m.CreatedAt = noon.AddDate(0, 0, at[0])
		}
		return valid(t, chat.Upload{ExternalID: "x", Messages: []chat.UploadMessage{m}}, noon)
	}
	for _, c := range []struct {
		stored, sent chat.ValidUpload
		at           any
		inferred     bool
	}{
		{turn(false, 0), turn(true, 1), own, false},
		{turn(true, 0), turn(false, 1), other, false},
		{turn(true, 0), turn(true, 1), other, true},
		{turn(false, 0), turn(false, 1), other, false},
		{turn(true, 1), turn(false), other, true}, // no time at all
		{turn(false), turn(false, 1), other, false},
	} {
		got := chat.Merge(chat.NewTranscript(c.stored), c.sent).Messages[0]
		require.Equal(t, []any{c.at, c.inferred}, []any{got.CreatedAt, got.Inferred})
	}
}
