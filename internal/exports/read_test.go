package exports

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/fault"
)

// note is a conversation of a format that only these tests know.
type note struct {
	ID      string     `json:"note"`
	Text    string     `json:"text"`
	Updated loose.Time `json:"updated"`
}

// notes is a format of arrays of notes.
func notes() format.Format {
	return format.Format{
		Name: "notes", Title: "notes of a test", Platform: "paper", LookFor: "an array whose elements have `note`",
		Matches: func(s *format.Sample) bool { return s.Has("[].note") },
		Read: func(ctx context.Context, m format.Member, out *format.Out) error {
			return elements.Each(ctx, m, out, nil, func(n *note, at format.Place) error {
				if n.ID == "" {
					return elements.Unusable("it has no id")
				}
				return out.Conversation(format.Conversation{Place: at, Upload: chat.Upload{
					Platform: "paper", ExternalID: n.ID, UpdatedAt: n.Updated.Time, Messages: []chat.UploadMessage{{Role: "human", Text: n.Text}},
				}})
			})
		},
	}
}

// index is a format of files that only list others.
func index() format.Format {
	return format.Format{
		Name: "index", Index: true, LookFor: "an object with `files`",
		Matches: func(s *format.Sample) bool { return s.Has("files") },
		Read: func(_ context.Context, _ format.Member, out *format.Out) error {
			out.Notice("download the 2 files that it lists")
			return nil
		},
	}
}

// file is a member of a test's archive.
type file struct{ name, text string }

func zipped(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		out, err := w.Create(f.name)
		require.NoError(t, err)
		_, err = io.WriteString(out, f.text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// read reads an archive and returns its conversations as "id=text".
func read(t *testing.T, o Options, files ...file) (found []string, report *Report, err error) {
	t.Helper()
	data := zipped(t, files...)
	o.Formats = append(o.Formats, notes(), index())
	report, err = Read(context.Background(), container.OpenFile(container.Options{}, "x.zip", bytes.NewReader(data), int64(len(data))), o,
		func(c format.Conversation) error {
			found = append(found, c.ExternalID+"="+c.Messages[0].Text)
			return nil
		})
	return found, report, err
}

func TestAReportPerMember(t *testing.T) {
	found, report, err := read(t, Options{},
		file{"a.json", `[{"note":"1","text":"one"},{"note":2},{"note":"3","text":"three"}]`},
		file{"user.json", `{"name":"somebody"}`}, file{"feedback.json", `[]`}, file{"photo.png", "\x89PNG\r\n\x1a\n\x00\x00"},
		file{"b.json", `[{"note":"4","text":"four"}`})
	require.NoError(t, err)
	require.Equal(t, []string{"1=one", "3=three", "4=four"}, found)
	require.Len(t, report.Members, 2)
	require.Equal(t, MemberReport{
		Path: "a.json", Format: "notes", Bytes: 66, Conversations: 2, ProblemCount: 1,
		Problems: []Problem{{format.Place{Member: "a.json", Element: 2}, "it has a value of another type than expected, 8 bytes after its beginning"}},
	}, report.Members[0])
	require.Equal(t, "b.json, element 2: the file ends in the middle of it", report.Members[1].Problems[0].Place.String()+": "+report.Members[1].Problems[0].Text)
	require.Equal(t, 3, report.WithoutCount)
	require.Equal(t, 3, report.Warnings()[format.NotConversations])
	require.Equal(t, 3, report.Conversations())
	require.Equal(t, 2, report.Problems())
}

func TestCopiesOfAConversation(t *testing.T) {
	const newer, older = `{"note":"1","text":"new","updated":200}`, `{"note":"1","text":"old","updated":100}`
	for name, test := range map[string]struct {
		files []file
		want  []string
		older int
	}{
		"a newer one follows":  {[]file{{"a", "[" + older + "]"}, {"b", "[" + newer + "]"}}, []string{"1=old", "1=new"}, 0},
		"an older one follows": {[]file{{"a", "[" + newer + "]"}, {"b", "[" + older + "]"}}, []string{"1=new"}, 1},
		"the same again":       {[]file{{"a", "[" + newer + "]"}, {"b", "[" + newer + "]"}}, []string{"1=new"}, 1},
		"another, equally new": {[]file{{"a", "[" + newer + "]"}, {"b", "[" + strings.Replace(newer, "new", "last", 1) + "]"}}, []string{"1=new", "1=last"}, 0},
		"shards and their sum": {[]file{{"0", "[" + newer + "]"}, {"1", `[{"note":"2","text":"x"}]`}, {"all", "[" + newer + `,{"note":"2","text":"x"}]`}}, []string{"1=new", "2=x"}, 2},
		"twice in one file":    {[]file{{"a", "[" + older + "," + newer + "," + older + "]"}}, []string{"1=old", "1=new"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			found, report, err := read(t, Options{}, test.files...)
			require.NoError(t, err)
			require.Equal(t, test.want, found)
			n := 0
			for _, m := range report.Members {
				n += m.Older
			}
			require.Equal(t, test.older, n)
		})
	}
}

func TestSinceAndPlatform(t *testing.T) {
	files := file{"a.json", `[{"note":"1","text":"one","updated":100},{"note":"2","text":"two","updated":200},{"note":"3","text":"three"}]`}
	found, report, err := read(t, Options{Since: time.Unix(150, 0)}, files)
	require.NoError(t, err)
	require.Equal(t, []string{"2=two", "3=three"}, found)
	require.Equal(t, 1, report.Members[0].Excluded)

	found, report, err = read(t, Options{Platform: "stone"}, files)
	require.NoError(t, err, "it was right to read nothing")
	require.Empty(t, found)
	require.Equal(t, 3, report.Members[0].Excluded)
}

func TestNothingToImport(t *testing.T) {
	for name, test := range map[string]struct {
		files []file
		want  string
	}{
		"no file":              {nil, "there are no files to import"},
		"only empty lists":     {[]file{{"conversations.json", `{"conversations":[]}`}}, "conversations.json is an empty export of an unknown kind"},
		"only other files":     {[]file{{"user.json", `{"name":"secret","secret words":1}`}, {"feedback.json", `[]`}}, "none of the 2 files has a format that Lethe knows.\nFound:\n  user.json: JSON, an object with the fields name\n  feedback.json: JSON, an empty list\nLooked for (--format takes the name):\n  notes: notes of a test, an array whose elements have `note`"},
		"an unknown file":      {[]file{{"x.json", `[{"b":1},{"a":[{"c":1}]}]`}}, "the file has no format that Lethe knows.\nFound:\n  x.json: JSON, an array with the fields a, b\n"},
		"an index":             {[]file{{"manifest.json", `{"files":[1,2]}`}}, "this only lists the files of an export: download the 2 files that it lists"},
		"nothing but problems": {[]file{{"a.json", `[{"note":7}]`}}, "nothing could be read: a.json, element 1: it has a value of another type"},
		"an archive in two":    {[]file{{"a.zip", string(zipped(t, file{"b.zip", string(zipped(t))}))}}, "nothing could be read: a.zip/b.zip: it is an archive inside of 2 others"},
	} {
		t.Run(name, func(t *testing.T) {
			found, _, err := read(t, Options{}, test.files...)
			require.Empty(t, found)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.Contains(t, err.Error(), test.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestAnIndexBesideItsFilesIsNoFailure(t *testing.T) {
	found, report, err := read(t, Options{}, file{"manifest.json", `{"files":[1,2]}`}, file{"a.json", `[{"note":"1","text":"one"}]`})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Len(t, report.Members, 1)
	require.Equal(t, []string{"download the 2 files that it lists"}, report.Notices)
	require.Zero(t, report.Problems())
}

func TestTheFormatCanBeNamed(t *testing.T) {
	_, _, err := read(t, Options{Format: "note"}, file{"a.json", "[]"})
	require.True(t, fault.Is(err, fault.Invalid))
	require.Contains(t, err.Error(), `unknown format "note"; did you mean notes? (formats: notes, index, `)

	found, _, err := read(t, Options{Format: "notes"}, file{"a.json", `[{"x":[{"deep":1}]},{"note":"1","text":"one"}]`}, file{"f.json", "[]"})
	require.NoError(t, err)
	require.Equal(t, []string{"1=one"}, found)
}

func TestOneBadMemberLosesOnlyItself(t *testing.T) {
	data := zipped(t, file{"a.json", `[{"note":"1","text":"one"}]`}, file{"b.json", `[{"note":"2","text":"` + strings.Repeat("two ", 1000) + `"}]`}, file{"c.json", `[{"note":"3","text":"three"}]`})
	at := bytes.Index(data, []byte("b.json")) + 20
	copy(data[at:], "xxxxx") // in the packed bytes
	var found []string
	report, err := Read(context.Background(), container.OpenFile(container.Options{}, "x.zip", bytes.NewReader(data), int64(len(data))), Options{Formats: []format.Format{notes()}},
		func(c format.Conversation) error { found = append(found, c.ExternalID); return nil })
	require.NoError(t, err)
	require.Equal(t, []string{"1", "3"}, found)
	require.Equal(t, 1, report.Problems())
	require.Equal(t, "b.json", report.Members[1].Problems[0].Place.Member)
}

func TestErrorsOfTakeAndContextAreReturned(t *testing.T) {
	stop := errors.New("stop")
	data := zipped(t, file{"a.json", `[{"note":"1"},{"note":"2"}]`})
	open := func() *container.Source {
		return container.OpenFile(container.Options{}, "x.zip", bytes.NewReader(data), int64(len(data)))
	}
	o := Options{Formats: []format.Format{notes()}}
	report, err := Read(context.Background(), open(), o, func(format.Conversation) error { return stop })
	require.Same(t, stop, err)
	require.Zero(t, report.Problems())

	ctx, cancel := context.WithCancel(context.Background())
	report, err = Read(ctx, open(), o, func(format.Conversation) error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, report.Conversations())
}

func TestProgressReachesTheWholeSource(t *testing.T) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, `%s{"note":"%d","text":"%x"}`, strings.Repeat(",", min(i, 1)), i, i*i*i*7919)
	}
	plain := "[" + text.String() + "]"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := io.WriteString(w, plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for name, data := range map[string][]byte{"x.zip": zipped(t, file{"a.json", plain}, file{"b.json", plain}), "a.json": []byte(plain), "a.gz": packed.Bytes()} {
		source := container.OpenFile(container.Options{}, name, bytes.NewReader(data), int64(len(data)))
		var steps []Progress
		o := Options{Formats: []format.Format{notes()}, Progress: func(p Progress) { steps = append(steps, p) }}
		_, err := Read(context.Background(), source, o, func(format.Conversation) error { return nil })
		require.NoError(t, err)
		last := Progress{}
		for _, p := range steps {
			require.GreaterOrEqual(t, p.Bytes, last.Bytes, "%s goes back", name)
			require.LessOrEqual(t, p.Bytes, p.Of)
			last = p
		}
		require.Equal(t, 2000, last.Conversations)
		require.InDelta(t, len(data), last.Bytes, 300, "%s: all but the directory of an archive", name)
		require.Positive(t, steps[len(steps)/4].Bytes)
	}
}
