package chat

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

var now = time.Date(2026, 5, 6, 7, 8, 9, 123_456_789, time.UTC)

func at(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }

// upload returns a small valid upload; the changes make it invalid or unusual.
func upload(changes ...func(*Upload)) Upload {
	u := Upload{ExternalID: "c1", Messages: []UploadMessage{{Role: "human", Text: "When does the ferry leave?"}, {Role: "assistant", Text: "At nine."}}}
	for _, change := range changes {
		change(&u)
	}
	return u
}

// valid returns the validated upload.
func valid(t *testing.T, u Upload) ValidUpload {
	t.Helper()
	v, err := u.Validate(now)
	require.NoError(t, err)
	return v
}

func TestValidateFillsIn(t *testing.T) {
	clock := Clock(now)
	require.Equal(t, ValidUpload{
		origin: Origin{Platform: "custom", ExternalID: "c1"}, title: "When does the ferry leave?", createdAt: clock, updatedAt: clock,
		messages: []validMessage{
			{Message: Message{Text: "When does the ferry leave?", CreatedAt: clock, Inferred: true, Sender: Human}},
			{Message: Message{Text: "At nine.", CreatedAt: clock, Inferred: true, Sender: Assistant}},
		},
	}, valid(t, upload()))

	yes := true
	told := valid(t, upload(func(u *Upload) {
		u.Title, u.CreatedAt, u.UpdatedAt, u.Pinned, u.TellsMarks, u.Messages[1].CreatedAt = "T", at(1), at(9), &yes, true, at(2)
	}))
	require.Equal(t, []any{true, true, true, true, false, true, true}, []any{
		told.titled, told.created, told.updated, told.tellsMarks, told.messages[0].dated, told.messages[1].dated, *told.pinned,
	})
	require.Equal(t, len("When does the ferry leave?At nine."), told.TextBytes())
}

func TestValidateDates(t *testing.T) {
	none := time.Time{}
	for name, c := range map[string]struct {
		created, updated         time.Time
		messages                 []time.Time
		wantCreated, wantUpdated time.Time
		want                     []time.Time
	}{
		"all given":             {at(1), at(9), []time.Time{at(2), at(3)}, at(1), at(9), []time.Time{at(2), at(3)}},
		"from the one before":   {at(1), none, []time.Time{at(2), none, at(4), none}, at(1), at(4), []time.Time{at(2), at(2), at(4), at(4)}},
		"from the one after":    {none, none, []time.Time{none, none, at(4)}, at(4), at(4), []time.Time{at(4), at(4), at(4)}},
		"from the conversation": {at(1), none, []time.Time{none, none}, at(1), at(1), []time.Time{at(1), at(1)}},
		"from its last change":  {none, at(9), []time.Time{none}, at(9), at(9), []time.Time{at(9)}},
		"now":                   {none, none, []time.Time{none}, Clock(now), Clock(now), []time.Time{Clock(now)}},
		"the epoch is a date":   {time.Unix(0, 0), none, []time.Time{none}, time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC(), []time.Time{time.Unix(0, 0).UTC()}},
		"cut to microseconds":   {at(1).Add(1999), none, []time.Time{at(2).Add(1)}, at(1).Add(1000), at(2), []time.Time{at(2)}},
	} {
		t.Run(name, func(t *testing.T) {
			u := upload(func(u *Upload) {
				u.CreatedAt, u.UpdatedAt, u.Messages = c.created, c.updated, nil
				for _, m := range c.messages {
					u.Messages = append(u.Messages, UploadMessage{Role: "human", CreatedAt: m})
				}
			})
			v := valid(t, u)
			require.Equal(t, c.wantCreated, v.createdAt)
			require.Equal(t, c.wantUpdated, v.updatedAt)
			for i, m := range v.messages {
				require.Equal(t, c.want[i], m.CreatedAt, "message %d", i)
			}
		})
	}
}

func TestValidateTitle(t *testing.T) {
	say := func(role, text string) func(*Upload) {
		return func(u *Upload) { u.Messages = append(u.Messages, UploadMessage{Role: role, Text: text}) }
	}
	silent := func(u *Upload) { u.Messages = nil }
	titled := func(title string) func(*Upload) { return func(u *Upload) { u.Title = title } }
	for name, c := range map[string]struct {
		changes []func(*Upload)
		want    string
	}{
		"given":                         {[]func(*Upload){titled("Ferries")}, "Ferries"},
		"one line":                      {[]func(*Upload){titled(" Ferries\r\n and\tboats ")}, "Ferries and boats"},
		"cut":                           {[]func(*Upload){titled(strings.Repeat("é", 600))}, strings.Repeat("é", 500)},
		"cut at a space":                {[]func(*Upload){titled(strings.Repeat("e", 499) + " more")}, strings.Repeat("e", 499)},
		"NUL and broken bytes":          {[]func(*Upload){titled("a\x00b\xffc")}, "a\uFFFDb\uFFFDc"},
		"from the first human message":  {[]func(*Upload){silent, say("assistant", "Hello"), say("user", "  Hi\nthere ")}, "Hi there"},
		"past the empty ones":           {[]func(*Upload){silent, say("user", " \n"), say("user", "Hi")}, "Hi"},
		"cut at eighty":                 {[]func(*Upload){silent, say("user", strings.Repeat("船", 100))}, strings.Repeat("船", 80)},
		"nothing to take it from":       {[]func(*Upload){silent, say("assistant", "Hello")}, "Untitled"},
		"blank":                         {[]func(*Upload){titled(" \n\t"), silent, say("user", "")}, "Untitled"},
		"no title from system messages": {[]func(*Upload){silent, say("system", "Be nice"), say("tool", "{}")}, "Untitled"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, valid(t, upload(c.changes...)).title)
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	year := func(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		change func(*Upload)
		says   string // empty: taken
	}{
		"no id":                      {func(u *Upload) { u.ExternalID = "" }, "external id is required"},
		"the longest id":             {func(u *Upload) { u.ExternalID = strings.Repeat("é", 512) }, ""},
		"a longer id":                {func(u *Upload) { u.ExternalID = strings.Repeat("é", 513) }, "external id must have at most 512"},
		"no messages":                {func(u *Upload) { u.Messages = nil }, "at least one message"},
		"too many messages":          {func(u *Upload) { u.Messages = make([]UploadMessage, MaxUploadMessages+1) }, "at most 50000 messages"},
		"an unknown role":            {func(u *Upload) { u.Messages[1].Role = "bot" }, "messages[1].role must be"},
		"no role":                    {func(u *Upload) { u.Messages[0].Role = "" }, "messages[0].role must be"},
		"an empty text":              {func(u *Upload) { u.Messages[0].Text = "" }, ""},
		"a long message id":          {func(u *Upload) { u.Messages[0].ExternalID = strings.Repeat("x", 513) }, "messages[0].external id must have at most 512"},
		"the same message id":        {func(u *Upload) { u.Messages[0].ExternalID, u.Messages[1].ExternalID = "m", "m" }, "messages[1].external id is the same as that of messages[0]"},
		"ids that are stored alike":  {func(u *Upload) { u.Messages[0].ExternalID, u.Messages[1].ExternalID = "m\x00", "m\uFFFD" }, "messages[1].external id is the same as that of messages[0]"},
		"broken ids stored alike":    {func(u *Upload) { u.Messages[0].ExternalID, u.Messages[1].ExternalID = "m\xff", "m\xfe" }, "messages[1].external id is the same as that of messages[0]"},
		"message ids left out":       {func(u *Upload) { u.Messages[0].ExternalID, u.Messages[1].ExternalID = "", "" }, ""},
		"the longest platform":       {func(u *Upload) { u.Platform = strings.Repeat("p", 100) }, ""},
		"a longer platform":          {func(u *Upload) { u.Platform = strings.Repeat("p", 101) }, "platform must be"},
		"every platform character":   {func(u *Upload) { u.Platform = "My-Chat_2.0" }, ""},
		"a platform with a space":    {func(u *Upload) { u.Platform = "my chat" }, "platform must be"},
		"a platform with a line end": {func(u *Upload) { u.Platform = "chat\n" }, "platform must be"},
		"a foreign platform":         {func(u *Upload) { u.Platform = "チャット" }, "platform must be"},
		"the longest display name":   {func(u *Upload) { u.DisplayName = strings.Repeat("é", 200) }, ""},
		"a longer display name":      {func(u *Upload) { u.DisplayName = strings.Repeat("é", 201) }, "display name must have at most 200"},
		"created in 1969":            {func(u *Upload) { u.CreatedAt = year(1969) }, "created at must lie between"},
		"updated in 10000":           {func(u *Upload) { u.UpdatedAt = year(10000) }, "updated at must lie between"},
		"a message in year -5":       {func(u *Upload) { u.Messages[1].CreatedAt = year(-5) }, "messages[1].created at must lie between"},
		"10000 only in UTC": {func(u *Upload) {
			u.CreatedAt = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("west", -7200))
		}, "created at must lie between"},
		"the last day": {func(u *Upload) { u.UpdatedAt = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := upload(c.change).Validate(now)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.Contains(t, fault.Message(err), c.says)
			require.NotRegexp(t, "; (external|display|created|updated|messages|platform)", fault.Message(err), "there is one problem")
		})
	}
}

func TestValidateTellsEveryProblem(t *testing.T) {
	u := Upload{Platform: "?", Messages: []UploadMessage{{Role: "bot"}}}
	_, err := u.Validate(now)
	for _, want := range []string{"platform must", "external id is required", "messages[0].role"} {
		require.Contains(t, fault.Message(err), want)
	}

	u = Upload{ExternalID: "c", Messages: make([]UploadMessage, 50)}
	_, err = u.Validate(now)
	message := fault.Message(err)
	require.Equal(t, 20, strings.Count(message, ".role must be"))
	require.True(t, strings.HasSuffix(message, "; and 30 more"), message)
}

func TestValidateMakesTextStorable(t *testing.T) {
	u := upload(func(u *Upload) {
		u.ExternalID, u.DisplayName = "c\x00\xff", " My\x00Chat "
		u.Messages[0] = UploadMessage{Role: "human", ExternalID: "m\xff", Text: "a\x00b\xff\xfec \u200b\n", Branch: "\x00"}
	})
	v := valid(t, u)
	require.Equal(t, "c\uFFFD\uFFFD", v.Origin().ExternalID)
	require.Equal(t, "My\uFFFDChat", v.DisplayName())
	require.Equal(t, "m\uFFFD", v.messages[0].ExternalID)
	require.Equal(t, "a\uFFFDb\uFFFDc \u200b\n", v.messages[0].Text, "nothing else is touched")
	require.Equal(t, "\uFFFD", v.messages[0].Branch)
}

// Validate does not change the upload: a second call has the same result.
func TestValidateLeavesTheUploadAlone(t *testing.T) {
	yes := true
	change := func(u *Upload) { u.Title, u.Pinned, u.Messages[0].Text = " T ", &yes, "a\x00" }
	mine := upload(change)
	first := valid(t, mine)
	require.Equal(t, upload(change), mine)
	require.Equal(t, first, valid(t, mine))
	*mine.Pinned = false
	require.True(t, *first.pinned)
}

// Problems of the conversation and of its messages are reported together, also when the
// conversation is too long.
func TestValidateTellsProblemsOfAllParts(t *testing.T) {
	u := upload(func(u *Upload) {
		u.Platform, u.UpdatedAt, u.DisplayName = "?", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), strings.Repeat("x", 201)
		u.Messages = make([]UploadMessage, MaxUploadMessages+1)
	})
	_, err := u.Validate(now)
	for _, want := range []string{"platform must", "display name", "updated at", "at most 50000 messages"} {
		require.Contains(t, fault.Message(err), want)
	}
}

// FuzzValidate checks that any input is either refused with a reason, or becomes a form that both databases can
// store. The result is the same each time.
func FuzzValidate(f *testing.F) {
	f.Add("custom", "My Chat", "c1", "Title", int64(1), int64(2), "human", "m1", "text", "assistant", "m2", "more", "b", int64(3), int64(0))
	f.Add("", "", "c\x00", "", int64(0), int64(0), "user", "m\x00", "\x00\xff", "ai", "m\uFFFD", "", "", int64(0), int64(0))
	f.Add("a", " \xff ", "\xff\xfe", strings.Repeat("é ", 400), int64(-1), int64(1)<<62, "system", "", "\u2028", "tool", "", " ", "\xff", int64(1e15), int64(-1e15))
	f.Fuzz(func(t *testing.T, platform, display, id, title string, created, updated int64,
		role1, id1, text1, role2, id2, text2, branch string, created1, created2 int64) {
		u := Upload{
			Platform: platform, DisplayName: display, ExternalID: id, Title: title, CreatedAt: milli(created), UpdatedAt: milli(updated),
			Messages: []UploadMessage{
				{ExternalID: id1, Role: role1, Text: text1, CreatedAt: milli(created1), Branch: branch},
				{ExternalID: id2, Role: role2, Text: text2, CreatedAt: milli(created2)},
			},
		}
		v, err := u.Validate(now)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			require.NotEmpty(t, fault.Message(err))
			return
		}
		requireStorable(t, v)
		again, err := u.Validate(now)
		require.NoError(t, err)
		require.Equal(t, v, again)
	})
}

func milli(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

func requireStorable(t *testing.T, u ValidUpload) {
	t.Helper()
	require.Regexp(t, platformPatternString, u.origin.Platform)
	require.NotEmpty(t, u.origin.ExternalID)
	require.NotEmpty(t, u.title)
	require.LessOrEqual(t, utf8.RuneCountInString(u.title), MaxTitleRunes)
	texts := []string{u.origin.ExternalID, u.displayName, u.title}
	times := []time.Time{u.createdAt, u.updatedAt}
	ids := make(map[string]bool)
	for i, m := range u.messages {
		texts = append(texts, m.ExternalID, m.Text, m.Branch)
		times = append(times, m.CreatedAt)
		require.NotEmpty(t, m.Sender)
		require.False(t, m.ExternalID != "" && ids[m.ExternalID], "message %d: ids are unique as they are stored", i)
		ids[m.ExternalID] = true
	}
	for _, s := range texts {
		require.True(t, utf8.ValidString(s), "%q", s)
		require.NotContains(t, s, "\x00")
	}
	for _, at := range times {
		require.False(t, at.IsZero())
		require.Equal(t, Clock(at), at, fmt.Sprint(at))
	}
}
