package text

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpans(t *testing.T) {
	for _, tc := range []struct{ name, text, query, want string }{
		{"none", "Nothing here", "elephant", "Nothing here"},
		{"no query", "Nothing here", "", "Nothing here"},
		{"stems", "He runs. They were running!", "run", "He [runs]. They were [running]!"},
		{"runes, not bytes", "Über Café und Häuser", "cafe", "Über [Café] und Häuser"},
		{"possessive", "Caroline's kids", "caroline", "[Caroline's] kids"},
		{"part of a name", "call getUserName() now", "user", "call get[User]Name() now"},
		{"whole name", "call getUserName() now", "getUserName", "call [getUserName]() now"},
		{"part of a path", "GET /api/chat-history/chats", "chat", "GET /api/[chat]-history/[chats]"},
		{"whole path", "GET /api/chat-history", "api/chat-history", "GET /[api/chat-history]"},
		{"Chinese", "我每天早上喝茶，然后上班", "喝茶", "我每天早上[喝茶]，然后上班"},
		{"Japanese", "毎朝コーヒーを飲む", "コーヒー", "毎朝[コーヒー]を飲む"},
		{"rewritten", "ﬁne Ｇｏ言語", "go", "ﬁne [Ｇｏ]言語"},
		{"emoji before", "👩‍👩‍👧 cats", "cat", "👩‍👩‍👧 [cats]"},
		{"broken bytes before", "\xff cats", "cat", "\uFFFD [cats]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got strings.Builder
			runes, at := []rune(tc.text), 0
			for _, s := range Spans(tc.text, Terms(tc.query)) {
				got.WriteString(string(runes[at:s.Start]) + "[" + string(runes[s.Start:s.End]) + "]")
				at = s.End
			}
			got.WriteString(string(runes[at:]))
			require.Equal(t, tc.want, got.String())
		})
	}
}
