package recall

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/search"
)

func TestEnrich(t *testing.T) {
	human := func(text string) chat.RecallTurn { return chat.RecallTurn{Sender: chat.Human, Text: text} }
	assistant := func(text string) chat.RecallTurn { return chat.RecallTurn{Sender: chat.Assistant, Text: text} }
	turns := []chat.RecallTurn{human("Which hotel in Lisbon?"), assistant("Alfama or Baixa."), {Sender: chat.System, Text: "be kind"}, {Sender: chat.Tool, Text: "42"}}
	for name, c := range map[string]struct {
		query Query
		text  string
		want  string
	}{
		"stands on its own":         {Query{Context: "trips", Turns: turns}, "hotel prices in Lisbon", "hotel prices in Lisbon"},
		"says nothing":              {Query{Context: "a trip to Lisbon"}, "and the second one?", "and the second one? a trip to Lisbon"},
		"points at something":       {Query{Context: "a trip to Lisbon"}, "how much did it cost per night", "how much did it cost per night a trip to Lisbon"},
		"points, but says enough":   {Query{Context: "x"}, "did she like the garden hotel near Lisbon harbour", "did she like the garden hotel near Lisbon harbour"},
		"context before turns":      {Query{Context: "a trip", Turns: turns}, "and?", "and? a trip"},
		"both sides":                {Query{Turns: turns}, "and?", "and? Which hotel in Lisbon? Alfama or Baixa."},
		"the query as a turn":       {Query{Turns: append(turns, human(" and  the\nother?"))}, "and the other?", "and the other? Which hotel in Lisbon? Alfama or Baixa."},
		"blank turns":               {Query{Turns: append(turns, human(" \n"), assistant(""))}, "and?", "and? Which hotel in Lisbon? Alfama or Baixa."},
		"a human alone":             {Query{Turns: turns[:1]}, "and?", "and? Which hotel in Lisbon?"},
		"nothing to lean on":        {Query{}, "and?", "and?"},
		"a blank context":           {Query{Context: " \n", Turns: turns[:1]}, "and?", "and? Which hotel in Lisbon?"},
		"nothing but system's says": {Query{Turns: turns[2:]}, "and?", "and?"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.query.enrich(c.text)) })
	}
}

// The added text is short, has only whole words, and comes first.
func TestEnrichAddsLittle(t *testing.T) {
	long := strings.Repeat("öde Straße ", 5000)
	got := (&Query{Context: "first " + long}).enrich("and?")
	require.True(t, strings.HasPrefix(got, "and? first öde Straße"))
	require.LessOrEqual(t, utf8.RuneCountInString(got), len("and? ")+contextRunes)
	require.True(t, strings.HasSuffix(got, "öde") || strings.HasSuffix(got, "Straße"))
	got = (&Query{Turns: []chat.RecallTurn{{Sender: chat.Human, Text: long}, {Sender: chat.Assistant, Text: strings.Repeat("字", 5000)}}}).enrich("and?")
	require.LessOrEqual(t, utf8.RuneCountInString(got), len("and? ")+2*turnRunes+1)
	require.Contains(t, got, "字")

	// A query of the greatest length has no room for more, however little it says.
	endless := strings.Repeat("?", search.MaxQueryRunes)
	require.Equal(t, endless, (&Query{Context: "a trip"}).enrich(endless))
}
