package tables

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
	"github.com/lethe-chat/lethe/internal/fault"
)

func columns(t testing.TB, options ...string) Columns {
	t.Helper()
	c, err := Parse(options)
	require.NoError(t, err)
	return c
}

func TestACSVFile(t *testing.T) {
	c := columns(t, "conversation=thread", "role=author", "text=body", "time=at", "title=name", "id=msg", "human=Ada", "platform=helpdesk")
	exportstest.Run(t, c.Format(), "testdata/csv")
}

func TestJSONLines(t *testing.T) {
	c := columns(t, "conversation=thread", "role=who.role", "text=text", "time=ts")
	exportstest.Run(t, c.Format(), "testdata/jsonl")
}

func TestAFileWithoutAConversationColumnIsOneConversation(t *testing.T) {
	m, _ := readtest.Files(map[string][]byte{"a/talk.csv": []byte("q;role\nHello;Me\nHi;Bot\n")}).Member("a/talk.csv")
	found := readtest.Read(columns(t, "role=role", "text=q").Format(), m)
	require.Len(t, found.Conversations, 1)
	require.Equal(t, "talk", found.Conversations[0].ExternalID)
	require.Len(t, found.Conversations[0].Messages, 2)
}

func TestAMissingColumnIsAProblem(t *testing.T) {
	m, _ := readtest.Files(map[string][]byte{"talk.csv": []byte("q,role\nHello,Me\n")}).Member("talk.csv")
	found := readtest.Read(columns(t, "role=role", "text=q", "time=when").Format(), m)
	require.Empty(t, found.Conversations)
	require.Equal(t, []string{`talk.csv, line 1: it has no column "when"; its columns are: q, role`}, found.Problems)
	m, _ = readtest.Files(map[string][]byte{"talk.csv": []byte("Hello there my friend,Me\nHi,Me\n")}).Member("talk.csv")
	found = readtest.Read(columns(t, "role=role", "text=q").Format(), m)
	require.Equal(t, []string{`talk.csv, line 1: it has no column "role", and its first line does not look like names of columns`}, found.Problems)
}

func TestOptions(t *testing.T) {
	for _, bad := range [][]string{
		{"role"}, {"role="}, {"rolle=a", "text=b"}, {"role=a"}, {"text=b"}, {"role=a", "role=b", "text=c"}, {},
	} {
		_, err := Parse(bad)
		require.True(t, fault.Is(err, fault.Invalid), "%v", bad)
	}
}

func TestTablesAreRecognisedByTheirColumns(t *testing.T) {
	f := columns(t, "role=author", "text=body").Format()
	for text, want := range map[string]bool{
		"Author,Body\na,b\n": true, "author;body\n": true, "author\tbody\n": true, "Author,Text\n": false,
		`{"author":"a","body":"b"}`: true, `{"author":"a"}`: false, "SQLite format 3\x00": false,
	} {
		require.Equal(t, want, f.Matches(format.NewSample("f", []byte(text))), text)
	}
}

func FuzzRead(f *testing.F) {
	c := columns(f, "conversation=thread", "role=author", "text=body", "time=at", "title=name", "id=msg", "human=Ada")
	readtest.Fuzz(f, c.Format(), "testdata")
}

// A file with JSON lines that have none of the named fields is one problem, not one for each line. A field that only
// some lines have is none.
func TestAMissingFieldOfJSONLinesIsOneProblem(t *testing.T) {
	many := strings.Repeat(`{"who":"me","text":"Hello","at":3}`+"\n", 50)
	m, _ := readtest.Files(map[string][]byte{"talk.jsonl": []byte(many)}).Member("talk.jsonl")
	found := readtest.Read(columns(t, "role=role", "text=text", "time=sent.at").Format(), m)
	require.Empty(t, found.Conversations)
	require.Equal(t, []string{`talk.jsonl, line 1: no line has the field "role" and "sent.at"; the first line has: at, text, who`}, found.Problems)

	m, _ = readtest.Files(map[string][]byte{"talk.jsonl": []byte(many + `{"who":"bot","text":"Hi","title":"Greeting","thread":null}`)}).Member("talk.jsonl")
	found = readtest.Read(columns(t, "role=who", "text=text", "title=title").Format(), m)
	require.Empty(t, found.Problems)
	require.Equal(t, "Greeting", found.Conversations[0].Title)
	require.Len(t, found.Conversations[0].Messages, 51)
}
