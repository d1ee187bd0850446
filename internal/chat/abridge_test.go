package chat

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

func TestAnAbridgedTextStandsForOneText(t *testing.T) {
	long := strings.Repeat("The harbour café was quiet. ", 5000)
	short := Abridge(long)
	require.True(t, IsAbridged(short))
	require.Less(t, len(short), abridgedFrom)
	require.Equal(t, short, Abridge(norm.NFD.String(long)), "however accents are encoded")
	require.NotEqual(t, short, Abridge(long+"x"))
	require.NotEqual(t, short, Abridge(strings.Replace(long, "quiet", "QUIET", 100)[:len(long)]))
	for _, text := range []string{"", "short", strings.Repeat("ä", 90)} {
		require.Equal(t, text, Abridge(text))
	}
	var pieces Abridger
	for at := 0; at < len(long); {
		n := min(1000, len(long)-at)
		for at+n < len(long) && long[at+n]&0xC0 == 0x80 {
			n--
		}
		pieces.Write(long[at : at+n])
		at += n
	}
	require.Equal(t, short, pieces.Abridged())
}

// Texts near the length from which they are abridged match if they differ only in white
// space, also when only one of them is long enough.
func TestWhiteSpaceAroundTheLengthOfAnAbridgedText(t *testing.T) {
	for length := abridgedFrom - 20; length < abridgedFrom+20; length++ {
		text := strings.Repeat("é ", length)[:length-1] + "."
		spaced := "\n" + strings.ReplaceAll(text, " .", "   .") + strings.Repeat(" ", 10)
		require.Equal(t, newWordHash().of(norm.NFC.String(text)), newWordHash().of(Abridge(text)))
		require.Equal(t, newWordHash().of(Abridge(text)), newWordHash().of(Abridge(spaced)))
		require.NotEqual(t, newWordHash().of(Abridge(text)), newWordHash().of(Abridge(text+"x")))
	}
}

// The checksum of words is the same however the text is cut, and tells words apart.
func TestTheChecksumOfWords(t *testing.T) {
	const text = " two\r\n words\u00a0\u3000größer 字 \u2003"
	want := newWordHash().of("two words größer 字")
	for cut := range len(text) {
		w := newWordHash()
		for _, piece := range []string{text[:cut], text[cut:]} {
			_, err := io.WriteString(w, piece)
			require.NoError(t, err)
		}
		require.Equal(t, want, w.sum(), cut)
	}
	for _, other := range []string{"", "twowords größer 字", "two words größer字", "two words größer", "two words Größer 字"} {
		require.NotEqual(t, want, newWordHash().of(other), other)
	}
	require.Equal(t, newWordHash().of(""), newWordHash().of(" \n\t"))
}

// A merge with abridged texts has the same result as a merge with whole texts.
func TestAMergeWithAbridgedTextsIsAMerge(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	said := func(n int) string { return strings.Repeat(fmt.Sprintf("This is what was said in turn %d. ", n), 20) }
	upload := func(numbers ...int) Upload {
		u := Upload{ExternalID: "x", CreatedAt: at, UpdatedAt: at}
		for _, n := range numbers {
			u.Messages = append(u.Messages, UploadMessage{Role: []string{"human", "assistant"}[n%2], Text: said(n), CreatedAt: at})
		}
		return u
	}
	edited := upload(0, 1, 2, 3)
	edited.Messages[1].Text += "And this was added."
	spaced := func(u Upload, space func(string) string) Upload {
		u.Messages = slices.Clone(u.Messages)
		for i := range u.Messages {
			u.Messages[i].Text = space(u.Messages[i].Text)
		}
		return u
	}
	for name, sent := range map[string]Upload{
		"trimmed":             spaced(upload(0, 1, 2, 3), strings.TrimSpace),
		"trimmed, one edited": spaced(edited, strings.TrimSpace),
		"lines wrapped":       spaced(upload(0, 1, 2, 3), func(text string) string { return strings.ReplaceAll(text, " said ", "\r\nsaid\u00a0 ") }),
		"the same":            upload(0, 1, 2, 3), "a tail": upload(2, 3, 4, 5), "one in front": upload(7, 0, 1, 2, 3), "one between": upload(0, 1, 9, 2, 3),
		"edited": edited, "another beginning": upload(4, 1, 2, 3),
	} {
		stored := NewTranscript(valid(t, upload(0, 1, 2, 3)))
		short := stored
		short.Turns = nil
		for _, m := range stored.Turns {
			m.Text = Abridge(m.Text)
			short.Turns = append(short.Turns, m)
		}
		want, got := Merge(stored, valid(t, sent)), MergeAbridged(short, valid(t, sent))
		require.Equal(t, want.Title, got.Title, name)
		require.Equal(t, want.RewriteFrom, got.RewriteFrom, name)
		require.Equal(t, want.Outdated, got.Outdated, name)
		require.Len(t, got.Messages, len(want.Messages), name)
		for i, m := range got.Messages {
			require.Equal(t, Abridge(want.Messages[i].Text), Abridge(m.Text), name)
		}
		require.Len(t, got.Edited, len(want.Edited), name)
		for i, m := range got.Edited {
			require.Equal(t, want.Edited[i].Text, m.Text, name)
			require.False(t, IsAbridged(m.Text), name)
		}
	}
}
