package fault

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A problem is worded with the domain's names by default, and with a transport's names by
// Worded.
func TestProblemsAreWordedForEachTransport(t *testing.T) {
	names := Names{"messages": "conversation.messages", "messages.external id": "id", "until": "to"}
	role, again := At("messages").Item(3).Field("role"), At("messages").Item(4).Field("external id")
	for _, c := range []struct {
		problem       Problem
		domain, onAir string
	}{
		{Broken(At("display name"), "must have at most %d characters", 200), "display name must have at most 200 characters", "display name must have at most 200 characters"},
		{Broken(role, "must be human"), "messages[3].role must be human", "conversation.messages[3].role must be human"},
		{Broken(again, "is the same as that of %s", At("messages").Item(0)),
			"messages[4].external id is the same as that of messages[0]", "conversation.messages[4].id is the same as that of conversation.messages[0]"},
		{Broken(At("since"), "must be before %s", At("until")), "since must be before until", "since must be before to"},
		{Broken(At("ids").Item(1), "is the same as %s", At("ids").Item(0)), "ids[1] is the same as ids[0]", "ids[1] is the same as ids[0]"},
		{Broken(Path{}, "nothing to change: give %s", At("until")), "nothing to change: give until", "nothing to change: give to"},
	} {
		err := Breaks(c.problem.At, c.problem.Rule, c.problem.Args...)
		require.True(t, Is(err, Invalid))
		require.Equal(t, c.domain, Message(err))
		require.Equal(t, c.domain, err.Error())
		require.Equal(t, c.onAir, Worded(err, names))
		require.Equal(t, c.onAir, Worded(fmt.Errorf("while reading: %w", err), names))
	}
}

func TestEveryProblemIsTold(t *testing.T) {
	var none Problems
	require.NoError(t, none.Err())
	var found Problems
	for i := range 50 {
		found.Add(At("messages").Item(i).Field("role"), "must be human")
	}
	told := Message(found.Err())
	require.Equal(t, 20, strings.Count(told, "must be human"))
	require.Contains(t, told, "messages[0].role must be human; messages[1].role must be human; ")
	require.Contains(t, told, "; and 30 more")
}

// Extending a path twice gives two independent paths.
func TestPathsShareNothing(t *testing.T) {
	at := At("messages").Item(0)
	one, other := at.Field("role"), at.Field("text")
	require.Equal(t, "messages[0].role", Names(nil).in(one))
	require.Equal(t, "messages[0].text", Names(nil).in(other))
}

func TestWhatIsMissing(t *testing.T) {
	err := Missing("conversation")
	require.True(t, Is(err, NotFound))
	require.Equal(t, "there is no such conversation", Message(err))
	thing, ok := MissingThing(err)
	require.True(t, ok)
	require.Equal(t, "conversation", thing)
	for _, other := range []error{nil, errors.New("x"), NotFoundf("no workspace"), Breaks(At("a"), "b")} {
		_, ok := MissingThing(other)
		require.False(t, ok, other)
	}
	require.Equal(t, "no workspace", Worded(NotFoundf("no workspace"), nil), "an error without problems is returned as it is")
}
