package chunker

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/text"
)

var update = flag.Bool("update", false, "rewrite the golden files with what the code says now")

var monday = time.Date(2023, 5, 8, 13, 56, 0, 0, time.UTC)

// talk makes a conversation of alternating senders, one minute between messages.
func talk(texts ...string) []chat.Message {
	var turns []chat.Message
	for i, text := range texts {
		sender := chat.Human
		if i%2 == 1 {
			sender = chat.Assistant
		}
		turns = append(turns, chat.Message{Position: i, Sender: sender, Text: text, CreatedAt: monday.Add(time.Duration(i) * time.Minute)})
	}
	return turns
}

func words(n int) string { return strings.TrimSpace(strings.Repeat("word ", n)) }

// sentences makes n sentences of ten words. Each contains its number.
func sentences(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Sentence number %d has exactly ten words, I think. ", i)
	}
	return strings.TrimSpace(b.String())
}

func TestNothingToSplit(t *testing.T) {
	require.Empty(t, Split("Title", nil))
	require.Empty(t, Split("Title", talk("", " \n\t ")))
	hidden := talk("one", "two", "three", "four")
	hidden[0].Hidden = true
	hidden[1].Branch = "b"
	hidden[2].Sender = chat.System
	hidden[3].Sender = chat.Tool
	require.Empty(t, Split("Title", hidden))
}

func TestShortConversationIsOneChunk(t *testing.T) {
	turns := talk("  Hello there!\n", "Hi. How are you?")
	require.Equal(t, []Chunk{{
		Passage: chat.Passage{Title: "Greetings", Parts: []chat.Excerpt{
			{Position: 0, Sender: chat.Human, CreatedAt: turns[0].CreatedAt, End: 15, Text: "  Hello there!\n"},
			{Position: 1, Sender: chat.Assistant, CreatedAt: turns[1].CreatedAt, End: 16, Text: "Hi. How are you?"},
		}},
		Text: "[2023-05-08] Greetings\nHuman: Hello there!\nAssistant: Hi. How are you?",
		Last: 1,
	}}, Split(" Greetings\n", turns))
}

func TestDates(t *testing.T) {
	turns := talk("One.", "Two.", "Three.")
	turns[2].CreatedAt = monday.AddDate(0, 0, 1)
	require.Equal(t, "[2023-05-08]\nHuman: One.\nAssistant: Two.\n[2023-05-09]\nHuman: Three.", Split("", turns)[0].Text)
	turns[0].CreatedAt = time.Time{}
	require.Equal(t, "Human: One.", Split("", turns[:1])[0].Text)
}

func TestChunksEndWithMessages(t *testing.T) {
	chunks := Split("", talk(words(50), words(50), words(50), words(50), words(50)))
	require.Equal(t, [][2]int{{0, 1}, {2, 3}, {4, 4}}, spans(chunks))
}

func spans(chunks []Chunk) (out [][2]int) {
	for _, c := range chunks {
		out = append(out, [2]int{c.First, c.Last})
	}
	return out
}

func TestLongMessageIsCutBetweenSentences(t *testing.T) {
	chunks := Split("", talk(words(30), sentences(42)))
	require.Len(t, chunks, 3)
	for i, c := range chunks {
		if i > 0 {
			require.True(t, strings.HasPrefix(c.Text, "[2023-05-08]\nAssistant: Sentence number"), c.Text)
		}
		require.True(t, strings.HasSuffix(c.Text, "think."), c.Text)
		require.GreaterOrEqual(t, len(strings.Fields(c.Text)), 120, "a scrap")
	}
}

func TestQuestionStaysWithItsAnswer(t *testing.T) {
	question := "And what does it cost to fly there in May?"
	t.Run("beyond the size at which chunks end", func(t *testing.T) {
		chunks := Split("", talk(words(20), words(55), question, words(40), words(90)))
		require.Equal(t, [][2]int{{0, 3}, {4, 4}}, spans(chunks))
	})
	t.Run("repeated where a long answer goes on", func(t *testing.T) {
		chunks := Split("", talk(question, sentences(40)))
		require.Greater(t, len(chunks), 2)
		for _, c := range chunks[1:] {
			require.True(t, strings.HasPrefix(c.Text, "[2023-05-08]\nHuman: "+question+"\nAssistant: Sentence"), c.Text)
			require.Equal(t, 1, c.First)
		}
	})
	t.Run("not when it is long", func(t *testing.T) {
		chunks := Split("", talk(words(maxQuestionWords+1), sentences(40)))
		for _, c := range chunks[1:] {
			require.NotContains(t, c.Text, "Human:")
		}
	})
	t.Run("not when it is another human message that goes on", func(t *testing.T) {
		turns := talk(question, sentences(40))
		turns[1].Sender = chat.Human
		for _, c := range Split("", turns)[1:] {
			require.NotContains(t, c.Text, question)
		}
	})
}

func TestCodeBlocks(t *testing.T) {
	code := "```go\nfunc main() {\n\tfmt.Println(\"one. two. three.\")\n}\n```"
	t.Run("kept whole", func(t *testing.T) {
		long := "```\n" + strings.Repeat("x := 1 // a line\n", 25) + "```"
		chunks := Split("", talk(words(30), words(70)+".\n"+long+"\nDone."))
		holding := 0
		for _, c := range chunks {
			if strings.Contains(c.Text, long) {
				holding++
			}
		}
		require.Equal(t, 1, holding)
	})
	t.Run("cut between lines when too long", func(t *testing.T) {
		chunks := Split("", talk("```\n"+strings.Repeat("alpha beta gamma\n", 200)+"```"))
		require.Greater(t, len(chunks), 3)
		for _, c := range chunks[:len(chunks)-1] {
			require.True(t, strings.HasSuffix(c.Text, "gamma"), c.Text)
		}
	})
	t.Run("never closed", func(t *testing.T) {
		require.Contains(t, Split("", talk("Look:\n```\nx"))[0].Text, "Look:\n```\nx")
	})
	t.Run("indent survives", func(t *testing.T) {
		require.Contains(t, Split("", talk("Look:\n"+code+"\n\n- a\n  - b"))[0].Text, code+"\n\n- a\n  - b")
	})
}

func TestWordsAreKeptWhole(t *testing.T) {
	var long []string
	for i := range 1000 {
		long = append(long, fmt.Sprintf("word-%d-of-many", i))
	}
	var got []string
	for _, c := range Split("", talk(strings.Join(long, " "))) {
		_, body, _ := strings.Cut(c.Text, "Human: ")
		got = append(got, strings.Fields(body)...)
	}
	require.Equal(t, long, got)
}

func TestLettersKeepTheirMarks(t *testing.T) {
	for _, letter := range []string{"👩‍👩‍👧", "👍🏽", "e\u0301\u0323", "กี่"} {
		chunks := Split("", talk(strings.Repeat(letter, 1500)))
		require.Greater(t, len(chunks), 1)
		for _, c := range chunks {
			require.True(t, strings.HasSuffix(c.Text, letter), "%q", c.Text)
		}
	}
}

func TestMassesOfBlanksAreLeftOut(t *testing.T) {
	require.Equal(t, "[2023-05-08]\nHuman: a\n\n\nb", Split("", talk("a\n\n\nb"))[0].Text)
	chunks := Split("", talk("a"+strings.Repeat(" \n", 50_000)+"b"))
	require.Len(t, chunks, 1)
	require.Less(t, len(chunks[0].Text), MaxRunes)
}

func TestTextWithoutBlanks(t *testing.T) {
	for name, text := range map[string]string{
		"Chinese":  strings.Repeat("我喜欢喝茶，每天都喝很多很多的茶。", 60),
		"no stops": strings.Repeat("我喜欢喝茶每天都喝", 120),
		"Thai":     strings.Repeat("ฉันมีแมวสองตัวและชอบดื่มกาแฟทุกเช้า", 60),
		"emoji":    strings.Repeat("👩‍👩‍👧", 1000),
		"marks":    "e" + strings.Repeat("\u0301", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			turns := talk(text)
			chunks := Split("", turns)
			requireRules(t, turns, chunks)
			require.Greater(t, len(chunks), 1)
		})
	}
	for _, c := range Split("", talk(strings.Repeat("我喜欢喝茶，每天都喝很多很多的茶。", 60))) {
		require.True(t, strings.HasSuffix(c.Text, "。"), "not at a sentence: %s", c.Text)
	}
}

// Encoded data is in no passage. The text around it is, in its order, and a question with a picture is not repeated.
func TestBlobsAreInNoPassage(t *testing.T) {
	picture := "data:image/png;base64," + strings.Repeat("QUJD", 60_000)
	turns := talk("What is this? "+picture, sentences(40), picture, "```\n"+strings.Repeat("deadbeef", 400)+"\n```", "before\n"+picture+"\nafter")
	chunks := Split("", turns)
	requireRules(t, turns, chunks)
	for _, c := range chunks {
		require.NotContains(t, c.Text, "QUJD")
		require.NotContains(t, c.Text, "deadbeef")
	}
	require.Contains(t, chunks[0].Text, "Human: What is this?\nAssistant: Sentence number 0")
	require.Equal(t, 1, strings.Count(strings.Join(textsOf(chunks), "\n"), "What is this?"))
	require.Contains(t, chunks[len(chunks)-1].Text, "before\nafter")
	require.Empty(t, Split("", talk(picture)))
}

func textsOf(chunks []Chunk) (texts []string) {
	for _, c := range chunks {
		texts = append(texts, c.Text)
	}
	return texts
}

// requireRules checks the rules that every conversation must follow.
func requireRules(t *testing.T, turns []chat.Message, chunks []Chunk) {
	t.Helper()
	positions := map[int]int{}
	for i, m := range turns {
		positions[m.Position] = i
	}
	for i, c := range chunks {
		require.Equal(t, i, c.Position)
		require.LessOrEqual(t, c.First, c.Last)
		require.True(t, turns[positions[c.First]].Indexed() && turns[positions[c.Last]].Indexed())
		require.LessOrEqual(t, utf8.RuneCountInString(c.Text), MaxRunes)
		require.Equal(t, chat.Span{From: c.First, To: c.Last}, c.Span())
		for at, part := range c.Parts {
			m := turns[positions[part.Position]]
			require.Equal(t, m.Text[part.Start:part.End], part.Text)
			require.Equal(t, []any{m.Sender, m.CreatedAt}, []any{part.Sender, part.CreatedAt})
			require.False(t, part.Repeated && at > 0)
		}
		if i > 0 {
			require.GreaterOrEqual(t, c.First, chunks[i-1].Last, "out of order")
		}
	}
	for _, m := range turns {
		if m.Indexed() {
			requireCovered(t, m, chunks)
		}
	}
}

// requireCovered checks that the chunks that span a message contain its whole text, except for white space and blobs.
func requireCovered(t *testing.T, m chat.Message, chunks []Chunk) {
	t.Helper()
	var said strings.Builder
	for start, end := range text.Words(m.Text) {
		said.WriteString(m.Text[start:end])
	}
	rest := strings.ToValidUTF8(squeeze(said.String()), "\uFFFD")
	for _, c := range chunks {
		if c.First > m.Position || c.Last < m.Position {
			continue
		}
		n := longestPart(rest, strings.ToValidUTF8(squeeze(c.Text), "\uFFFD"))
		rest = rest[n:]
	}
	require.Empty(t, rest, "message %d is not covered", m.Position)
}

// longestPart returns the length of the longest prefix of rest that text contains.
func longestPart(rest, text string) int {
	low, high := 0, min(len(rest), len(text))
	for low < high {
		mid := (low + high + 1) / 2
		if strings.Contains(text, rest[:mid]) {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// someTalk makes a conversation with every kind of message.
func someTalk(random *rand.Rand, n int) []chat.Message {
	sorts := []func() string{
		func() string { return words(1+random.IntN(20)) + "?" },
		func() string { return sentences(1 + random.IntN(8)) },
		func() string { return sentences(random.IntN(60)) },
		func() string {
			return "Try:\n```\n" + strings.Repeat("let x = 1;\n", random.IntN(120)) + "```\nIt works."
		},
		func() string { return strings.Repeat("毎朝コーヒーを飲みます。", random.IntN(60)) },
		func() string { return strings.Repeat("QUJDRA", random.IntN(500)) },
		func() string { return strings.Repeat("- item\n  - nested one\n\n", random.IntN(80)) },
		func() string { return "" },
	}
	var turns []chat.Message
	for i := range n {
		m := chat.Message{
			Position: i, Text: sorts[random.IntN(len(sorts))](),
			Sender:    []chat.Sender{chat.Human, chat.Assistant, chat.Human, chat.Assistant, chat.System, chat.Tool}[random.IntN(6)],
			CreatedAt: monday.Add(time.Duration(i) * 5 * time.Hour),
			Hidden:    random.IntN(20) == 0,
		}
		if random.IntN(20) == 0 {
			m.Branch = "left"
		}
		turns = append(turns, m)
	}
	return turns
}

func TestProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		turns := someTalk(random, random.IntN(40))
		chunks := Split("A title of some words", turns)
		requireRules(t, turns, chunks)
		require.Equal(t, chunks, Split("A title of some words", turns), "not deterministic")
		for _, c := range chunks {
			requireWords(t, c)
		}
	}
}

// requireWords checks the number of words in a chunk without its dates and
// senders.
func requireWords(t *testing.T, c Chunk) {
	t.Helper()
	weight := 0
	for line := range strings.Lines(c.Text) {
		if strings.HasPrefix(line, "[20") {
			continue
		}
		line = strings.TrimPrefix(strings.TrimPrefix(line, "Human: "), "Assistant: ")
		w, _ := measure(line)
		weight += w
	}
	// A word that is cut counts as one more word where it continues.
	require.LessOrEqual(t, weight, (MaxWords+1)*wordWeight, c.Text)
}

// Appending must not change any chunk but the last, because their vectors are used again.
func TestAppendingKeepsEarlierChunks(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		turns := someTalk(random, 1+random.IntN(40))
		some := Split("Title", turns[:random.IntN(len(turns))])
		all := Split("Title", turns)
		if len(some) > 1 {
			require.Equal(t, some[:len(some)-1], all[:len(some)-1])
		}
	}
}

// In a conversation of ordinary messages only the last chunk, and chunks before a piece that does not fit, are below
// MinWords.
func TestChunksAreNotTooSmall(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		var texts []string
		for range 30 {
			texts = append(texts, sentences(1+random.IntN(30)))
		}
		chunks := Split("", talk(texts...))
		for _, c := range chunks[:len(chunks)-1] {
			require.GreaterOrEqual(t, len(strings.Fields(c.Text)), MinWords)
		}
	}
}

func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			var got strings.Builder
			for _, c := range Split("A golden talk", talk(strings.Split(strings.TrimSpace(string(raw)), "\n%\n")...)) {
				fmt.Fprintf(&got, "=== chunk %d, messages %d to %d\n%s\n", c.Position, c.First, c.Last, c.Text)
			}
			golden := strings.TrimSuffix(path, ".txt") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got.String())
		})
	}
}

// patience is the time limit of a test that should take a fraction of a second.
const patience = time.Minute

// A megabyte of one kind of text takes a fraction of a second. A quadratic algorithm would take more than ten
// minutes.
func TestSplitIsLinear(t *testing.T) {
	for name, unit := range map[string]string{
		"letters": "a", "blanks": " ", "line breaks": "\n", "blank lines": " \n", "fences": "```\n", "open fences": "`````x\n",
		"stops": ".", "wide stops": "。", "quotes": ".\"", "marks": "\u0301", "joiners": "\u200D", "words": "a b. ", "blobs": strings.Repeat("x", 1199) + " a ",
	} {
		t.Run(name, func(t *testing.T) {
			turns := talk(strings.Repeat(unit, 1_000_000/len(unit)))
			done := make(chan struct{})
			go func() {
				defer close(done)
				Split("", turns)
			}()
			select {
			case <-done:
			case <-time.After(patience):
				require.Fail(t, "more than a linear effort")
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("Title", "Hello. How are you?\x1eFine!\x1e```\ncode\n```", uint8(0))
	f.Add("", strings.Repeat("我喜欢喝茶。", 100)+"\x1e"+strings.Repeat("x", 3000), uint8(5))
	f.Add("t\n", "a\x1e \x1e\xff\xfe\x1e~~~\n\x1eb", uint8(7))
	f.Fuzz(func(t *testing.T, title, texts string, hide uint8) {
		turns := talk(strings.Split(strings.ToValidUTF8(texts, "\uFFFD"), "\x1e")...)
		if n := int(hide); n < len(turns) {
			turns[n].Hidden = true
		}
		chunks := Split(title, turns)
		requireRules(t, turns, chunks)
		some := Split(title, turns[:len(turns)/2])
		if len(some) > 1 {
			require.Equal(t, some[:len(some)-1], chunks[:len(some)-1])
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	for name, text := range map[string]string{
		"prose":   sentences(200),
		"Chinese": strings.Repeat("我喜欢喝茶，每天都喝很多很多的茶。", 200),
		"base64":  strings.Repeat("dGhpcyBpcyBhIHRlc3Q", 600),
		"blanks":  strings.Repeat(" \n", 5000),
		"fences":  strings.Repeat("```\n", 3000),
	} {
		b.Run(name, func(b *testing.B) {
			turns := talk(text, text, text, text)
			b.SetBytes(int64(4 * len(text)))
			for b.Loop() {
				Split("Title", turns)
			}
		})
	}
}
