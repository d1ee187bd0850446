package transfer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
)

// A part that is too large for one request is sent in several, and every line keeps its place.
func TestALargePartIsSentInSeveralRequests(t *testing.T) {
	l := &lines{to: &service{most: 1000}}
	for n := range 10 {
		u := chat.Upload{ExternalID: "x", Messages: []chat.UploadMessage{{Role: "human", Text: strings.Repeat("a", 200)}}}
		size, err := l.Add(u, format.Place{Line: n + 1})
		require.NoError(t, err)
		require.Equal(t, l.bytes, size)
	}
	require.Len(t, l.requests, 4)
	next := 1
	for _, r := range l.requests {
		require.LessOrEqual(t, len(r.text), 1000)
		require.Equal(t, strings.Count(string(r.text), "\n"), len(r.places))
		for _, at := range r.places {
			require.Equal(t, next, at.Line)
			next++
		}
	}
	require.Equal(t, 11, next)
}

func TestAMessageThatCannotBeSentLosesOnlyItsConversation(t *testing.T) {
	l := &lines{to: &service{most: maxLine}}
	before, err := l.Add(chat.Upload{ExternalID: "x"}, format.Place{})
	require.NoError(t, err)
	after, err := l.Add(chat.Upload{ExternalID: "y", Messages: []chat.UploadMessage{{Text: "first"}, {Text: strings.Repeat("a", maxLine)}}}, format.Place{})
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "it has a message of 50 MB; at most 50 MB can be sent")
	require.Equal(t, before, after)
	require.Len(t, l.requests[0].places, 1)
}
