package elements

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

type item struct {
	ID    string            `json:"id"`
	Title string            `json:"title"`
	Parts []item            `json:"parts"`
	Named map[string]string `json:"named"`
}

func member(text string) format.Member {
	return format.Member{Path: "f.json", Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

// read returns the ids of the elements, and the problems with their places.
func read(t *testing.T, text string, paths ...string) (ids string, problems []string) {
	t.Helper()
	out := &format.Out{Fail: func(p format.Place, err error) { problems = append(problems, p.String()+": "+err.Error()) }}
	var found []string
	err := Each(context.Background(), member(text), out, paths, func(i *item, p format.Place) error {
		if i.ID == "" {
			return Unusable("it has no id")
		}
		found = append(found, fmt.Sprintf("%s%d", i.ID, p.Element))
		return nil
	})
	require.NoError(t, err)
	return strings.Join(found, " "), problems
}

func TestWhereElementsAre(t *testing.T) {
	for text, want := range map[string]string{
		`[{"id":"a"},{"id":"b"}]`:                      "a1 b2",
		" [\n {\"id\": \"a\"} ,\n {\"id\":\"b\"}\n]\n": "a1 b2",
		`[]`:                     "",
		``:                       "",
		`{"id":"a","title":"x"}`: "a1",
		`{"x":{"y":[{"id":"no"}]},"conversations":[{"id":"a"},{"id":"b"}],"projects":[{"id":"no"}]}`: "a1 b2",
		`{"data":{"other":[{"id":"no"}],"chats":[{"id":"a"}],"z":1},"y":[{"id":"no"}]}`:              "a1",
		`{"conversations":[],"id":"no"}`:                               "",
		`{"conversations":{"id":"no"},"id":"a"}`:                       "a1",
		`{"conversations":[{"id":"a"}],"data":{"chats":[{"id":"b"}]}}`: "a1 b2",
		`{"c\u006fnversations":[{"id":"a"}]}`:                          "a1",
		`[{"id":"a"}][{"id":"b"}]`:                                     "a1 b2",
		"[{\"id\":\"a\"}],\n[{\"id\":\"b\"}]":                          "a1 b2",
		`[{"id":"a"}{"id":"b"},]`:                                      "a1 b2",
		`{"id":"a"}{"id":"b"}`:                                         "a1 b2",
		`[{"id":"a","title":"]}\"[{\\"},{"id":"b"}]`:                   "a1 b2",
		`[{"id":"a","id":"b"}]`:                                        "b1",
		"[{\"id\":\"a\",\"title\":\"\xff\\ud800\"}]":                   "a1",
	} {
		ids, problems := read(t, text, "conversations", "data.chats")
		require.Equal(t, want, ids, text)
		require.Empty(t, problems, text)
	}
}

// TestADamagedElementLosesOnlyItself damages the second of three elements in every way that
// changes where an element ends.
func TestADamagedElementLosesOnlyItself(t *testing.T) {
	const a, c = `{"id":"a","title":"x","parts":[{"id":"p","x":1},{"id":"q","x":1}]}`, `{"id":"c","title":"y"}`
	for name, b := range map[string]string{
		"a quote is missing":              `{"id":"b","title":"x,"parts":[{"id":"p","x":1},{"id":"q","x":1}]}`,
		"the last quote is missing":       `{"id":"b","title":"x}`,
		"a quote too many":                `{"id":"b","title":""x"}`,
		"a brace is missing":              `{"id":"b","named":{"x":"y"}`,
		"a bracket is missing":            `{"id":"b","title":"x","parts":[{"id":"p","x":1},{"id":"q","x":1}}`,
		"a bracket too many":              `{"id":"b","title":"x","parts":[{"id":"p","x":1}]]}`,
		"an inner brace is missing":       `{"id":"b","title":"x","parts":[{"id":"p","x":1,{"id":"q","x":1}]}`,
		"a colon is missing":              `{"id" "b","title":"x"}`,
		"a comma is missing":              `{"id":"b" "title":"x"}`,
		"letters outside of a string":     `{"id":"b",title:"x"}`,
		"NaN":                             `{"id":"b","title":NaN}`,
		"a bad escape":                    `{"id":"b","title":"\x"}`,
		"a line break in a string":        "{\"id\":\"b\",\"title\":\"x\ny\"}",
		"null":                            `null`,
		"a number":                        `17`,
		"another type":                    `{"id":["b"],"title":"x"}`,
		"nothing that take can use":       `{"title":"x"}`,
		"cut off in an array":             `{"id":"b","title":"x","parts":["y"`,
		"cut off":                         `{"id":"b","title":`,
		"zeros":                           "{\"id\":\"b\",\x00\x00\x00\x00",
		"only the first brace is missing": `"id":"b","title":"x"}`,
		"nested too deep":                 `{"id":"b","parts":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			ids, problems := read(t, "["+a+","+b+","+c+"]")
			require.Contains(t, ids, "a1")
			require.Regexp(t, `c[23]$`, ids)
			require.Len(t, strings.Fields(ids), 2)
			require.Len(t, problems, 1)
			require.Regexp(t, `^f.json, element [12]: `, problems[0])
		})
	}
}

// TestABraceTooMany ends an element early: its beginning is an element, and its rest is a
// problem.
func TestABraceTooMany(t *testing.T) {
	ids, problems := read(t, `[{"id":"a","title":"x"},{"id":"b","title":"x"},"named":{},"parts":[{"id":"p"}]},{"id":"c","title":"y"}]`)
	require.Equal(t, "a1 b2 c3", ids)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0], "element 2: ")
}

func TestADamagedFirstElement(t *testing.T) {
	ids, problems := read(t, `[{"id":"a","title":"x,"parts":[{"id":"p","x":1},{"id":"q","x":1}]},{"id":"b","title":"x"},{"id":"c","title":"x"}]`)
	require.Equal(t, "b2 c3", ids)
	require.Len(t, problems, 1)

	ids, problems = read(t, `[{"id:"a","title":"x"},{"id":"b","title":"x"},{"id":"c","title":"x"}]`)
	require.Equal(t, "b2 c3", ids, "not even a name can be read")
	require.Len(t, problems, 1)
}

func TestAFileThatIsCutOff(t *testing.T) {
	const text = `{"n":1,"conversations":[{"id":"a","title":"x"},{"id":"b","title":"x"},{"id":"c","title":"x"}],"z":[1]}`
	for end := range len(text) {
		ids, problems := read(t, text[:end], "conversations")
		want := ""
		for i, id := range []string{"a1", "b2", "c3"} {
			if end >= 46+23*i {
				want = strings.TrimSpace(want + " " + id)
			}
		}
		require.Equal(t, want, ids, "%q", text[:end])
		if end > 0 {
			require.Len(t, problems, 1, "%q", text[:end])
		}
	}
}

// TestEveryWayToCutReads reads a file in pieces of every kind.
func TestEveryWayToCutReads(t *testing.T) {
	var text strings.Builder
	text.WriteString("[")
	for i := range 300 {
		fmt.Fprintf(&text, `%s{"id":"e","title":"%s","parts":[{"id":"\\"}]}`, strings.Repeat(",", min(i, 1)), strings.Repeat(`\\\"é`, i%7))
	}
	text.WriteString("]")
	for name, slow := range map[string]func(io.Reader) io.Reader{
		"bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "end with data": iotest.DataErrReader,
	} {
		m := member(text.String())
		m.Open = func() (io.ReadCloser, error) { return io.NopCloser(slow(strings.NewReader(text.String()))), nil }
		n := 0
		require.NoError(t, Each(context.Background(), m, &format.Out{}, nil, func(i *item, _ format.Place) error {
			n++
			require.Equal(t, `\`, i.Parts[0].ID)
			return nil
		}))
		require.Equal(t, 300, n, name)
	}
}

// large is a reader with a limit of 1 MB for an element.
func large(text io.Reader, paths ...string) *reader {
	r := newReader(context.Background(), text, paths)
	r.max = 1 << 20
	return r
}

func TestAnElementThatIsTooLarge(t *testing.T) {
	huge := `{"id":"huge","title":"` + strings.Repeat("x", 40<<20) + `"}`
	for _, text := range []string{`[{"id":"a"},` + huge + `,{"id":"b"}]`, `{"x":` + huge + `,"in":[{"id":"a"},` + huge + `,{"id":"b"}]}`} {
		r := large(strings.NewReader(text), "in")
		_, err := r.next()
		require.NoError(t, err)
		_, err = r.next()
		require.ErrorIs(t, err, errTooLarge)
		require.Less(t, cap(r.buf), 8<<20, "the element was kept in memory")
		raw, err := r.next()
		require.NoError(t, err)
		require.JSONEq(t, `{"id":"b"}`, string(raw))
		_, err = r.next()
		require.ErrorIs(t, err, io.EOF)
	}

	r := large(strings.NewReader(huge), "in")
	_, err := r.next()
	require.ErrorIs(t, err, errTooLarge, "a whole object")
	require.Less(t, cap(r.buf), 8<<20)
}

// TestADamagedElementDoesNotSwallowALargeFile cuts an element off in an array, so that all
// that follows seems to be in that array, until it is too large.
func TestADamagedElementDoesNotSwallowALargeFile(t *testing.T) {
	rest := strings.Repeat(`,{"id":"c","title":"`+strings.Repeat("x", 1000)+`"}`, 3000)
	r := large(strings.NewReader(`[{"id":"a","title":"x"},{"id":"b","title":"x","parts":[1` + rest + `]`))
	good, bad := 0, 0
	for {
		raw, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			bad++
			continue
		}
		good++
		r.accepted(raw)
	}
	require.Equal(t, 3001, good)
	require.Equal(t, 1, bad)
}

// TestDamageCostsTheSizeOfTheFile reads a file in which every element is damaged so that it
// reaches far, and counts the bytes that are scanned again.
func TestDamageCostsTheSizeOfTheFile(t *testing.T) {
	element := `{"id":"x","title":[0,{"id":"x","title":1},`
	text := "[" + strings.Repeat(element, 100_000)
	r := newReader(context.Background(), strings.NewReader(text), nil)
	for {
		_, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			r.accepted(r.buf[r.start:r.pos])
		}
	}
	require.LessOrEqual(t, r.again, int64(3*len(text)))
}

func TestErrorsEndTheReading(t *testing.T) {
	stop := errors.New("stop")
	m := member(`[{"id":"a"},{"id":"b"}]`)
	err := Each(context.Background(), m, &format.Out{}, nil, func(*item, format.Place) error { return stop })
	require.Same(t, stop, err, "an error of take")

	m.Open = func() (io.ReadCloser, error) { return nil, stop }
	require.Same(t, stop, Each(context.Background(), m, &format.Out{}, nil, func(*item, format.Place) error { return nil }))

	m.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(`[{"id":"a"},{"id":`), iotest.ErrReader(stop))), nil
	}
	n := 0
	err = Each(context.Background(), m, &format.Out{}, nil, func(*item, format.Place) error { n++; return nil })
	require.ErrorIs(t, err, stop, "an error of reading")
	require.Equal(t, 1, n)

	ctx, cancel := context.WithCancel(context.Background())
	err = Each(ctx, member(`[{"id":"a"},{"id":"b"}]`), &format.Out{}, nil, func(*item, format.Place) error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
}

func TestErrorsContainNothingOfTheFile(t *testing.T) {
	for _, text := range []string{
		`[{"secret":"secret","title":"secret" secret}]`, `[{"id":{"secret":1}}]`, `[{"id":"secret\x"}]`, `["secret"]`, `[{"parts":[{"id":["secret"]}]}]`,
		`[{"named":{"secret":secret}}]`, `[{"named":{"secret":["secret"]}}]`, `[{"id":"secret`, `secret`, `[secret]`,
	} {
		_, problems := read(t, text)
		require.NotEmpty(t, problems, text)
		require.NotContains(t, strings.Join(problems, ""), "secret", text)
	}
}

// TestTheScannerAgreesWithTheDecoder compares where both end random values.
func TestTheScannerAgreesWithTheDecoder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	alphabet := []string{`{`, `}`, `[`, `]`, `"`, `\`, `,`, `:`, `"a"`, `1`, `-2.5e3`, `true`, `null`, ` `, "\n", `{"a":1}`, `[]`}
	for range 200_000 {
		var b bytes.Buffer
		for range 1 + random.IntN(8) {
			b.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		value, err := jsontext.NewDecoder(bytes.NewReader(b.Bytes()), jsontext.AllowDuplicateNames(true)).ReadValue()
		if err != nil || value.Kind() == 'n' || value.Kind() == 't' || value.Kind() == '0' { // which the decoder ends without looking at what follows
			continue
		}
		var s scanner
		n, done, err := s.scan(b.Bytes())
		require.NoError(t, err, b.String())
		require.True(t, done || s.complete(), b.String())
		require.Equal(t, strings.TrimSpace(string(value)), strings.TrimSpace(b.String()[:n]), b.String())
	}
}

func FuzzEach(f *testing.F) {
	f.Add([]byte(`[{"id":"a","title":"x"},{"id":"b"}]`))
	f.Add([]byte(`{"data":{"chats":[{"id":"a"}]},"z":1}`))
	f.Add([]byte(`[{"id":"a","title":"x},{"id":"b","title":"y"}]`))
	f.Add([]byte("{\"id\":\"a\"}\n{\"id\":\"b\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found := 0
		err := Each(context.Background(), member(string(data)), &format.Out{}, []string{"data.chats"}, func(*item, format.Place) error {
			found++
			return nil
		})
		require.NoError(t, err)
		require.LessOrEqual(t, found, len(data))
	})
}

func BenchmarkCut(b *testing.B) {
	element := []byte(`,{"id":"a","title":"` + strings.Repeat(`Some text with a \"quote\" and more. `, 100) + `","parts":[{"id":"p","title":""},{"id":"q","title":""}],"named":{"a":"b","c":"d"}}`)
	text := append(append([]byte("[0"), bytes.Repeat(element, 5_000)...), ']')
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r := newReader(context.Background(), bytes.NewReader(text), nil)
		for {
			if _, err := r.next(); err != nil {
				break
			}
		}
	}
}
