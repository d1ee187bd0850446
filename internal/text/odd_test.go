package text

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const proseUnit = "The old house at the corner of the street was sold last summer to a young couple from Lisbon, who painted it blue. " +
	"They didn't know that its cellar, as everybody else in the village could have told them, floods each November. "

const oddSize = 200_000

// odd are texts that took many times as long as prose of their length. Most of them
// repeat one unit.
func odd() map[string]string {
	units := map[string]string{
		"broken": "\xff", "halves of pairs": "\xed\xa0\x80", "capitals": "ABCDE ", "colons": "::", "paths": "std::vec ",
		"dashes": "- - ", "quotation marks": "\"", "control characters": "\x01a", "apostrophes": "a'b ", "blanks": " ", "line breaks": "\n",
		"Thai": "สวัสดีชาวโลกวันนี้อากาศดีมาก", "Burmese": "မြန်မာ", "Han": "我喜欢喝茶每天都喝", "Hangul": "안녕하세요세계", "kana": "こんにちは",
		"marks": "e\u0301\u0301", "words with marks": "e\u0301e\u0301 ", "Zalgo": "z\u0301\u0302\u0303 ", "only marks": "\u0301",
		"phrases": "\uFDFA ", "a run of phrases": "\uFDFA", "ligatures": "\uFB01", "superscripts": "\u00B2", "full width": "ＡＢＣ ",
		"Vietnamese": "Tiếng Việt rất hay và đẹp ", "German": "Die Straße ist schön und läuft über ", "Russian": "Съешь ещё этих мягких ",
		"Arabic": "السلام عليكم ", "Greek": "αβγδεζηθ ", "emoji": "👩‍👩‍👧",
	}
	texts := map[string]string{}
	for name, unit := range units {
		texts[name] = strings.Repeat(unit, oddSize/len(unit))
	}
	random := rand.New(rand.NewPCG(1, 2))
	var noise []byte
	for range oddSize {
		noise = append(noise, byte(128+random.IntN(128)))
	}
	texts["noise"] = string(noise)
	return texts
}

// The encoder reads only as much of a text with very short tokens as it can read in the time of prose, and all of
// ordinary text.
func TestTokensAreEstimatedWhereTheyCostTheMost(t *testing.T) {
	for name, text := range odd() {
		read, given := 0, 0
		_, whole := tokensUpTo(text, 1<<40, func(part string) int {
			n := countExactly(part)
			read, given = read+n, given+len(part)
			return n
		})
		require.True(t, whole)
		require.LessOrEqual(t, given, oddSize+oddSize/4, name)
		require.LessOrEqual(t, read, exactBytes+oddSize/denseBytes, "%s: tokens that the encoder made", name)
	}
	text := strings.Repeat(proseUnit, oddSize/len(proseUnit))
	given := 0
	tokensUpTo(text, 1<<40, func(part string) int { given += len(part); return countExactly(part) })
	require.Equal(t, len(text), given, "prose is counted, not estimated")
}

// Estimated numbers of tokens are close to the real ones.
func TestEstimatedTokensAreNear(t *testing.T) {
	for _, name := range []string{"dashes", "control characters", "colons", "quotation marks", "emoji", "words with marks"} {
		text := odd()[name]
		exact := 0
		for rest := text; rest != ""; {
			size := pieceLen(rest)
			exact += countExactly(rest[:size])
			rest = rest[size:]
		}
		require.InEpsilon(t, exact, Tokens(text), 0.1, name)
	}
}

// Analysing takes work for each word that is new, not for each word: what it allocates
// shows how much it did.
func TestOddTextsAreAnalysedLikeProse(t *testing.T) {
	work := func(text string) float64 { return testing.AllocsPerRun(3, func() { Terms(text) }) }
	prose := work(strings.Repeat(proseUnit, oddSize/len(proseUnit)))
	for name, text := range odd() {
		if name == "noise" { // its words are all different
			continue
		}
		require.LessOrEqual(t, work(text), 2*prose+100, name)
	}
}

// A word has the same terms, at the same places, the first time and when it is known.
func TestKnownWords(t *testing.T) {
	const words = "Straße Tiếng Việt cafe\u0301 user_naïve::größe Съешь السلام l\u2019été Ａ１ \uFDFA ０１２ co\u00ADop "
	first := Spans(words, Terms(words))
	again := Spans(words+words, Terms(words))
	require.NotEmpty(t, first)
	require.Equal(t, first, again[:len(first)])
	shift := len([]rune(words))
	for i, s := range again[len(first):] {
		require.Equal(t, Span{first[i].Start + shift, first[i].End + shift}, s)
	}
	once, twice := Terms(words), Terms(words+words)
	require.Equal(t, append(once[:len(once):len(once)], once...), twice)
}

// The table of traits says of every rune what Unicode's own tables say.
func TestTraitsAreThoseOfUnicode(t *testing.T) {
	for r := range rune(0x30000) {
		if traitsOf(r) != findTraits(r) {
			require.Equal(t, findTraits(r), traitsOf(r), "%x", r)
		}
		require.Less(t, findClass(r), class(isInert))
	}
}
