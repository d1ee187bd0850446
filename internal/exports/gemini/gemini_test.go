package gemini

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestActivity(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

// The same account exported again, in another language or form and with newer entries on
// top, has the same conversations.
func TestIDsDoNotDependOnTheExport(t *testing.T) {
	ids := func(name, text string) (ids []string) {
		m, _ := readtest.Files(map[string][]byte{name: []byte(text)}).Member(name)
		found := readtest.Read(Format(), m)
		require.NoError(t, found.Err)
		require.Empty(t, found.Problems)
		for _, c := range found.Conversations {
			ids = append(ids, c.ExternalID)
		}
		return ids
	}
	entry := func(header, title, at string) string {
		return `{"header":"` + header + `","title":"` + title + `","time":"` + at + `","safeHtmlItem":[{"html":"<p>Red.</p>"}]}`
	}
	german := ids("a.json", "["+entry("Gemini-Apps", `Eingegebener Prompt: Which\nrose?`, "2026-05-01T09:00:00.123Z")+"]")
	require.Len(t, german, 1)
	require.Equal(t, german, ids("a.json", "["+entry("Gemini Apps", "Prompted Which rose?", "2026-05-01T09:00:00.123Z")+"]"))
	later := ids("a.json", "["+entry("Gemini Apps", "Prompted Later", "2026-05-01T09:05:00Z")+","+entry("Gemini Apps", "Prompted Which rose?", "2026-05-01T09:00:00.123Z")+"]")
	require.Equal(t, german[0], later[1])
	page := `<div class="outer-cell"><div class="header-cell"><p>Gemini-appar</p></div><div class="content-cell">Gav instruktionen&nbsp;Which rose?<br>1 maj 2026 11:00:00 CEST<br><p>Röd.</p></div></div>`
	require.Equal(t, german, ids("a.html", page))
	require.NotEqual(t, german, ids("a.html", strings.Replace(page, "11:00:00", "11:00:01", 1)))
}

// A conversation is passed on after its last entry, so that memory does not grow with the file. An input that can be
// opened only once gives the same conversations, later.
func TestConversationsAreNotKeptToTheEnd(t *testing.T) {
	const log = `[{"header":"Gemini Apps","title":"Prompted two","titleUrl":"https://gemini.google.com/app/abcdef123456","time":"2026-05-01T09:02:00Z"},
		{"header":"Gemini Apps","title":"Prompted one","titleUrl":"https://gemini.google.com/app/abcdef123456","time":"2026-05-01T09:01:00Z"},
		{"header":"Gemini Apps","title":"Prompted alone","time":"2026-05-01T09:00:00Z"}]`
	firsts := func(size int64) (firsts []string) {
		m, _ := readtest.Files(map[string][]byte{"a.json": []byte(log)}).Member("a.json")
		m.Size = size
		if size < 0 {
			m.Open = once(m.Open)
		}
		found := readtest.Read(Format(), m)
		require.NoError(t, found.Err)
		for _, c := range found.Conversations {
			firsts = append(firsts, c.Messages[0].Text)
		}
		return firsts
	}
	require.Equal(t, []string{"one", "alone"}, firsts(int64(len(log))))
	require.Equal(t, []string{"alone", "one"}, firsts(-1))
}

// once lets a file be opened one time, as standard input can be.
func once(open func() (io.ReadCloser, error)) func() (io.ReadCloser, error) {
	opened := false
	return func() (io.ReadCloser, error) {
		if opened {
			return nil, errors.New("standard input was read before")
		}
		opened = true
		return open()
	}
}

// The files of other Google products have the same names and structure.
func TestOtherProductsAreNotRecognised(t *testing.T) {
	page, err := os.ReadFile("testdata/html/MyActivity.html")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"an entry of Gemini among others": {`[{"header":"Chrome","title":"Visited a","time":"2026-01-01T00:00:00Z"},{"header":"Gemini Apps","title":"Prompted b","time":"2026-01-01T00:00:00Z"}]`, true},
		"by its product":                  {`[{"title":"Prompted b","time":"2026-01-01T00:00:00Z","products":["Gemini Apps"]}]`, true},
		"a page about Gemini":             {`[{"header":"Chrome","title":"Visited Gemini Apps","time":"2026-01-01T00:00:00Z","products":["Chrome"]}]`, false},
		"a heading that begins like it":   {`[{"header":"Geminid Meteors","title":"Visited a","time":"2026-01-01T00:00:00Z"}]`, false},
		"no time":                         {`[{"header":"Gemini Apps","title":"x"}]`, false},
		"a page of activity":              {string(page), true},
		"a page of activity of others":    {`<div class="outer-cell"><div class="header-cell"><p>Chrome</p></div><div class="content-cell">Visited&nbsp;Gemini Apps<br></div></div>`, false},
		"a page of something else":        {`<html><p>Gemini Apps</p></html>`, false},
	} {
		require.Equal(t, c.want, Format().Matches(format.NewSample("MyActivity.json", []byte(c.text))), name)
	}
}

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata") }

func FuzzText(f *testing.F) {
	f.Add("<ul><li>a<ol start=3><li>b</ol></ul><pre> c </pre><script>d</script><table><tr><td>e<td>f</table>")
	f.Fuzz(func(t *testing.T, source string) {
		text := plainText(source)
		require.Equal(t, strings.TrimSpace(text), text)
		require.LessOrEqual(t, len(text), 40*len(source)+40)
	})
}
