package chat

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseSender(t *testing.T) {
	for role, want := range map[string]Sender{
		"human": Human, "user": Human, "assistant": Assistant, "ai": Assistant, "model": Assistant, "system": System, "developer": System, "tool": Tool, "function": Tool,
		"": "", "User": "", " user": "", "bot": "", "functions": "",
	} {
		got, ok := ParseSender(role)
		require.Equal(t, want, got, role)
		require.Equal(t, want != "", ok, role)
	}
}

func TestWhatIsIndexed(t *testing.T) {
	for name, c := range map[string]struct {
		m    Message
		want bool
	}{
		"human":             {Message{Sender: Human, Text: "x"}, true},
		"assistant":         {Message{Sender: Assistant, Text: "x"}, true},
		"system":            {Message{Sender: System, Text: "x"}, false},
		"tool":              {Message{Sender: Tool, Text: "x"}, false},
		"hidden":            {Message{Sender: Human, Text: "x", Hidden: true}, false},
		"an abandoned turn": {Message{Sender: Human, Text: "x", Branch: "b"}, false},
		"empty":             {Message{Sender: Human}, false},
	} {
		require.Equal(t, c.want, c.m.Indexed(), name)
	}
}

func TestIDs(t *testing.T) {
	before := NewID()
	for range 1000 {
		id := NewID()
		canonical, ok := ParseID(id)
		require.True(t, ok)
		require.Equal(t, id, canonical)
		require.Equal(t, byte('7'), id[14], "version 7")
		require.Less(t, before, id, "later ids sort later")
		before = id
	}
}

func TestParseID(t *testing.T) {
	const id = "0197a2b4-5c6d-7e8f-9a0b-1c2d3e4f5a6b"
	for in, ok := range map[string]bool{
		id:                                     true,
		strings.ToUpper(id):                    true,
		"":                                     false,
		id[:35]:                                false,
		id + "0":                               false,
		" " + id[1:]:                           false,
		"g" + id[1:]:                           false,
		strings.ReplaceAll(id, "-", ""):        false,
		"{" + id + "}":                         false,
		"urn:uuid:" + id:                       false,
		strings.Replace(id, "-", "_", 1):       false,
		strings.Repeat("-", 36):                false,
		"0197a2b45-c6d-7e8f-9a0b-1c2d3e4f5a6b": false,
		strings.Repeat("é", 18):                false,
	} {
		got, valid := ParseID(in)
		require.Equal(t, ok, valid, in)
		if ok {
			require.Equal(t, id, got)
		} else {
			require.Empty(t, got)
		}
	}
}

func TestClock(t *testing.T) {
	east := time.FixedZone("east", 7*3600)
	in := time.Date(2026, 3, 1, 2, 3, 4, 123_456_789, east)
	got := Clock(in)
	require.Equal(t, time.Date(2026, 2, 28, 19, 3, 4, 123_456_000, time.UTC), got)
	require.Equal(t, got, Clock(got))
	require.True(t, Clock(time.Time{}).IsZero())
	require.NotContains(t, Clock(time.Now()).String(), "m=", "no monotonic reading")
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{NewID(), strings.ToUpper(NewID()), "", strings.Repeat("-", 36)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := ParseID(s)
		if !ok {
			require.Empty(t, id)
			return
		}
		require.True(t, strings.EqualFold(s, id))
		again, ok := ParseID(id)
		require.True(t, ok)
		require.Equal(t, id, again)
	})
}
