package container

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
)

// entry is a member of a test's archive.
type entry struct {
	name, text string
	stored     bool
}

func archived(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		method := zip.Deflate
		if e.stored {
			method = zip.Store
		}
		out, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: method})
		require.NoError(t, err)
		_, err = io.WriteString(out, e.text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// write creates a file and returns its path.
func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// list reads a source to its end and returns its members as "path=text", and the refused
// ones as "path: why".
func list(t *testing.T, s *Source) (members []string) {
	t.Helper()
	for m, err := range s.Members(context.Background()) {
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			members = append(members, m.Path+": "+err.(*fault.Error).Message) //nolint:errorlint // the fault itself
			continue
		}
		head, err := m.Head(format.SampleBytes)
		require.NoError(t, err)
		in, err := m.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(in)
		require.NoError(t, err)
		require.NoError(t, in.Close())
		require.Equal(t, string(text), string(head), "the head of %s", m.Path)
		members = append(members, m.Path+"="+string(text))
	}
	return members
}

// ways returns a file as a path, as an open file and as a stream.
func ways(t *testing.T, name string, data []byte) map[string]*Source {
	t.Helper()
	opened, err := Open(Options{}, write(t, name, data))
	require.NoError(t, err)
	temp := t.TempDir()
	t.Cleanup(func() {
		left, err := os.ReadDir(temp)
		require.NoError(t, err)
		require.Empty(t, left, "temporary files were left")
	})
	return map[string]*Source{
		"path": opened, "open file": OpenFile(Options{}, name, bytes.NewReader(data), int64(len(data))),
		"stream": OpenStream(Options{Temp: temp}, name, bytes.NewReader(data)),
	}
}

func TestContainers(t *testing.T) {
	plain := []byte(`[{"a":"ü"}]`)
	inner := archived(t, entry{name: "b.json", text: "[2]"})
	tests := map[string]struct {
		name string
		data []byte
		want []string
	}{
		"a file":                     {"a.json", plain, []string{`a.json=[{"a":"ü"}]`}},
		"an empty file":              {"a.json", nil, []string{"a.json="}},
		"an archive":                 {"x.zip", archived(t, entry{name: "a.json", text: "[1]"}, entry{name: "dir/"}, entry{name: "dir/b.json", text: "[2]", stored: true}), []string{"a.json=[1]", "dir/b.json=[2]"}},
		"an archive by another name": {"download", archived(t, entry{name: "a.json", text: "[1]"}), []string{"a.json=[1]"}},
		"an empty archive":           {"x.zip", archived(t), nil},
		"an archive in an archive":   {"x.zip", archived(t, entry{name: "in.zip", text: string(inner)}), []string{"in.zip/b.json=[2]"}},
		"stored in an archive":       {"x.zip", archived(t, entry{name: "in.zip", text: string(inner), stored: true}), []string{"in.zip/b.json=[2]"}},
		"too deep":                   {"x.zip", archived(t, entry{name: "in.zip", text: string(archived(t, entry{name: "in2.zip", text: string(inner)}))}), []string{"in.zip/in2.zip: it is an archive inside of 2 others; unpack the outer ones first"}},
		"gzip":                       {"a.json.gz", gzipped(t, plain), []string{`a.json=[{"a":"ü"}]`}},
		"gzip in an archive":         {"x.zip", archived(t, entry{name: "a.json.gz", text: string(gzipped(t, plain))}), []string{`a.json=[{"a":"ü"}]`}},
		"an archive in gzip":         {"x.zip.gz", gzipped(t, archived(t, entry{name: "a.json", text: "[1]"})), []string{"x.zip/a.json=[1]"}},
		"gzip in gzip in gzip":       {"a.gz", gzipped(t, gzipped(t, gzipped(t, plain))), []string{"a: it is an archive inside of 2 others; unpack the outer ones first"}},
		"the same name twice":        {"x.zip", archived(t, entry{name: "a.json", text: "[1]"}, entry{name: "a.json", text: "[2]"}), []string{"a.json=[1]", "a.json=[2]"}},
		"paths that lead elsewhere":  {"x.zip", archived(t, entry{name: "../../etc/passwd", text: "[1]"}, entry{name: "/abs.json", text: "[2]"}, entry{name: `..\win.json`, text: "[3]"}, entry{name: "bell\x07.json", text: "[4]"}), []string{"etc/passwd=[1]", "abs.json=[2]", "win.json=[3]", "bell\uFFFD.json=[4]"}},
		"a document":                 {"x.zip", archived(t, entry{name: "sheet.xlsx", text: string(archived(t, entry{name: "[Content_Types].xml", text: "<x/>"}))[:20]}), []string{"sheet.xlsx=" + string(archived(t, entry{name: "[Content_Types].xml", text: "<x/>"}))[:20]}},
		"a tar":                      {"x.tar", append(append(make([]byte, 257), "ustar"...), make([]byte, 300)...), []string{"x.tar: it is a tar archive; unpack it and import the folder"}},
		"cut off":                    {"x.zip", archived(t, entry{name: "a.json", text: "[1]"})[:40], []string{"x.zip: the zip archive is damaged or not complete; download it again"}},
		"a byte order mark":          {"a.json", append([]byte("\xef\xbb\xbf"), plain...), []string{`a.json=[{"a":"ü"}]`}},
	}
	for name, test := range tests {
		for way, source := range ways(t, test.name, test.data) {
			t.Run(name+"/"+way, func(t *testing.T) { require.Equal(t, test.want, list(t, source)) })
		}
	}
}

func TestEncodings(t *testing.T) {
	const text = `[{"a":"ü😀"}]`
	units := utf16.Encode([]rune(text))
	put := func(order binary.AppendByteOrder, wide, mark bool) []byte {
		var b []byte
		if wide {
			for _, r := range strings.Repeat("\ufeff", map[bool]int{true: 1}[mark]) + text {
				b = order.AppendUint32(b, uint32(r))
			}
			return b
		}
		if mark {
			b = order.AppendUint16(b, 0xfeff)
		}
		for _, u := range units {
			b = order.AppendUint16(b, u)
		}
		return b
	}
	for _, wide := range []bool{false, true} {
		for _, mark := range []bool{false, true} {
			for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
				for way, source := range ways(t, "a.json", put(order, wide, mark)) {
					require.Equal(t, []string{"a.json=" + text}, list(t, source), "wide %t, mark %t, %v, %s", wide, mark, order, way)
				}
			}
		}
	}
}

func TestAFolder(t *testing.T) {
	dir := t.TempDir()
	outside := write(t, "secret.json", []byte("[9]"))
	for name, text := range map[string]string{"b/c.json": "[3]", "b/a.json": "[2]", "a.json": "[1]", "x.zip": string(archived(t, entry{name: "d.json", text: "[4]"}))} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link.json")))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(dir, "linked")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "b", "circle")))

	s, err := Open(Options{}, dir)
	require.NoError(t, err)
	require.Equal(t, []string{"a.json=[1]", "b/a.json=[2]", "b/c.json=[3]", "d.json=[4]"}, list(t, s))

	link := filepath.Join(t.TempDir(), "named-by-the-person")
	require.NoError(t, os.Symlink(dir, link))
	s, err = Open(Options{}, link)
	require.NoError(t, err)
	require.Len(t, list(t, s), 4, "a link that the person names is followed")
}

func TestSeveralAndPatterns(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a-1.json", "a-2.json", "b[1].json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.zip"), archived(t, entry{name: "c.json", text: "[1]"}), 0o600))
	s, err := Open(Options{}, filepath.Join(dir, "a-*.json"), filepath.Join(dir, "b[1].json"), filepath.Join(dir, "x.zip"))
	require.NoError(t, err)
	require.Equal(t, []string{"a-1.json=a-1.json", "a-2.json=a-2.json", "b[1].json=b[1].json", "x.zip/c.json=[1]"}, list(t, s))
	require.Positive(t, s.Size())

	_, err = Open(Options{}, filepath.Join(dir, "none-*.json"))
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	_, err = Open(Options{}, filepath.Join(dir, "none.json"))
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

func TestNeighbours(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"one/a.json": "[1]", "one/b.json": "[2]", "two/c.json": "[3]"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	require.NoError(t, os.Symlink(write(t, "x", nil), filepath.Join(dir, "one", "link.json")))
	packed := archived(t, entry{name: "one/a.json", text: "[1]"}, entry{name: "one/b.json", text: "[2]"}, entry{name: "two/c.json", text: "[3]"})
	for _, path := range []string{dir, write(t, "x.zip", packed)} {
		s, err := Open(Options{}, path)
		require.NoError(t, err)
		n := 0
		for m, err := range s.Members(context.Background()) {
			require.NoError(t, err)
			if n++; n > 1 {
				continue
			}
			require.Equal(t, "one/a.json", m.Path)
			b, ok := m.Sibling("b.json")
			require.True(t, ok)
			in, err := b.Open()
			require.NoError(t, err)
			text, err := io.ReadAll(in)
			require.NoError(t, err)
			require.NoError(t, in.Close())
			require.Equal(t, "[2]", string(text))
			c, ok := b.Sibling("../two/c.json")
			require.True(t, ok)
			require.Equal(t, "two/c.json", c.Path)
			for _, none := range []string{"../../one/a.json", "/etc/passwd", "none.json", "link.json", "."} {
				_, ok := m.Sibling(none)
				require.False(t, ok, none)
			}
			all := m.All()
			require.Len(t, all, 3)
			require.Equal(t, "two/c.json", all[2].Path)
		}
		require.Equal(t, 3, n)
		require.Equal(t, 1, s.remember("key", func() any { return 1 }))
		require.Equal(t, 1, s.remember("key", func() any { return 2 }))
	}
}

// overlapping returns an archive with two entries that share their data.
func overlapping(t *testing.T) []byte {
	data := archived(t, entry{name: "a.json", text: "[1]"}, entry{name: "b.json", text: "[1]"})
	directory := bytes.LastIndex(data, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(data[directory+42:], 0) // the second entry is where the first is
	return data
}

func TestArchivesThatAreRefused(t *testing.T) {
	encrypted := archived(t, entry{name: "a.json", text: "[1]"}, entry{name: "b.json", text: "[2]"})
	encrypted[bytes.Index(encrypted, []byte("PK\x01\x02"))+8] |= 1
	odd := archived(t, entry{name: "a.json", text: "[1]"})
	binary.LittleEndian.PutUint16(odd[bytes.Index(odd, []byte("PK\x01\x02"))+10:], 93)
	small := limits{members: 2, unpacked: 1 << 20, ratio: 100, ratioFrom: 1 << 10, depth: 2, nestedBytes: spoolInMemory}
	large := strings.Repeat("0", spoolInMemory+10)
	tests := map[string]struct {
		data []byte
		want string
	}{
		"overlapping entries": {overlapping(t), "members of the zip archive overlap; it is not one that a service has made"},
		"encrypted":           {encrypted, "it is encrypted; unpack the archive with its password and import the folder"},
		"packed otherwise":    {odd, "it is packed by method 93, which is not supported; unpack the archive and import the folder"},
		"too many":            {archived(t, entry{name: "1"}, entry{name: "2"}, entry{name: "3"}), "the zip archive has 3 members; at most 2 are read"},
		"a bomb":              {archived(t, entry{name: "a.json", text: strings.Repeat("0", 500_000)}), "it unpacks to more than 100 times its size; unpack the archive yourself if that is right"},
		"too much":            {archived(t, entry{name: "a.json", text: strings.Repeat("0", 2<<20)}), "the zip archive unpacks to more than 0 GB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := OpenFile(Options{}, "x.zip", bytes.NewReader(test.data), int64(len(test.data)))
			s.limits = small
			require.Contains(t, list(t, s)[0], ": "+test.want)
		})
	}
	outer := archived(t, entry{name: "in.zip", text: string(archived(t, entry{name: "a", text: large, stored: true}))})
	s := OpenFile(Options{}, "x.zip", bytes.NewReader(outer), int64(len(outer)))
	s.limits.nestedBytes = spoolInMemory
	require.Contains(t, list(t, s)[0], "in.zip: it is an archive of more than")
}

func TestAnEncryptedMemberLosesOnlyItself(t *testing.T) {
	data := archived(t, entry{name: "a.json", text: "[1]"}, entry{name: "b.json", text: "[2]"})
	data[bytes.Index(data, []byte("PK\x01\x02"))+8] |= 1
	members := list(t, OpenFile(Options{}, "x.zip", bytes.NewReader(data), int64(len(data))))
	require.Len(t, members, 2)
	require.Equal(t, "b.json=[2]", members[1])
}

// TestALargeArchiveFromAStream is written to a file that nobody else can see.
func TestALargeArchiveFromAStream(t *testing.T) {
	temp := t.TempDir()
	data := archived(t, entry{name: "a.json", text: strings.Repeat("0123456789", spoolInMemory/5), stored: true}, entry{name: "b.json", text: "[2]"})
	left := func() int {
		files, err := os.ReadDir(temp)
		require.NoError(t, err)
		return len(files)
	}
	var found []string
	for m, err := range OpenStream(Options{Temp: temp}, "x.zip", bytes.NewReader(data)).Members(context.Background()) {
		require.NoError(t, err)
		if runtime.GOOS != "windows" {
			require.Zero(t, left(), "the temporary file has a name")
		}
		in, err := m.Open()
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, in)
		require.NoError(t, err)
		require.NoError(t, in.Close())
		found = append(found, fmt.Sprint(m.Path, " ", n))
	}
	require.Equal(t, []string{fmt.Sprint("a.json ", spoolInMemory/5*10), "b.json 3"}, found)
	require.Zero(t, left(), "the temporary file was left")

	bad := OpenStream(Options{Temp: "/nonexistent"}, "x.zip", bytes.NewReader(data))
	require.Contains(t, list(t, bad)[0], "x.zip: it cannot be read")
}

// TestMoreThan65535Members needs the directory of zip64.
func TestMoreThan65535Members(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 70_000 {
		out, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i, ".json"), Method: zip.Store})
		require.NoError(t, err)
		_, err = io.WriteString(out, "[1]")
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	members := list(t, OpenFile(Options{}, "x.zip", bytes.NewReader(b.Bytes()), int64(b.Len())))
	require.Len(t, members, 70_000)
	require.Equal(t, "69999.json=[1]", members[69_999])
}

func TestMembersEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	data := archived(t, entry{name: "a.json", text: "[1]"}, entry{name: "b.json", text: "[2]"})
	var last error
	n := 0
	for _, err := range OpenFile(Options{}, "x.zip", bytes.NewReader(data), int64(len(data))).Members(ctx) {
		n++
		last = err
		cancel()
	}
	require.Equal(t, 2, n)
	require.ErrorIs(t, last, context.Canceled)
}

// TestEntriesThatAreOpenTogether reads two entries in turn, closes one twice and opens a
// third, which uses the buffers of the first.
func TestEntriesThatAreOpenTogether(t *testing.T) {
	long := func(c string) string { return strings.Repeat(c, 100_000) }
	data := archived(t, entry{name: "a", text: long("a")}, entry{name: "b", text: long("b")}, entry{name: "c", text: long("c")})
	s := OpenFile(Options{}, "x.zip", bytes.NewReader(data), int64(len(data)))
	for m, err := range s.Members(context.Background()) {
		require.NoError(t, err)
		all := m.All()
		var open []io.ReadCloser
		for _, other := range all[:2] {
			in, err := other.Open()
			require.NoError(t, err)
			open = append(open, in)
			_, err = io.ReadFull(in, make([]byte, 10))
			require.NoError(t, err)
		}
		require.NoError(t, open[0].Close())
		_ = open[0].Close() // closing twice returns nothing twice
		third, err := all[2].Open()
		require.NoError(t, err)
		_, err = open[0].Read(make([]byte, 10))
		require.Error(t, err, "an entry that was closed")
		text, err := io.ReadAll(open[1])
		require.NoError(t, err)
		require.Equal(t, long("b")[10:], string(text))
		text, err = io.ReadAll(third)
		require.NoError(t, err)
		require.Equal(t, long("c"), string(text))
		break
	}
}

// FuzzArchive reads what may be an archive. Nothing panics, and the members that can be
// read are not larger than the archive allows.
func FuzzArchive(f *testing.F) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a.json", "dir/b.json"} {
		out, err := w.Create(name)
		require.NoError(f, err)
		_, err = io.WriteString(out, `[{"a":1}]`)
		require.NoError(f, err)
	}
	require.NoError(f, w.Close())
	f.Add(b.Bytes())
	var nested bytes.Buffer
	w = zip.NewWriter(&nested)
	out, err := w.Create("in.zip")
	require.NoError(f, err)
	_, err = out.Write(b.Bytes())
	require.NoError(f, err)
	require.NoError(f, w.Close())
	f.Add(nested.Bytes())
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("\xff\xfe[\x00]\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, s := range []*Source{OpenFile(Options{}, "x", bytes.NewReader(data), int64(len(data))), OpenStream(Options{}, "x", bytes.NewReader(data))} {
			s.limits.nestedBytes = 1 << 20
			for m, err := range s.Members(context.Background()) {
				if err != nil {
					require.True(t, fault.Is(err, fault.Invalid), "%v", err)
					continue
				}
				if head, err := m.Head(format.SampleBytes); err == nil {
					require.LessOrEqual(t, len(head), 4<<20)
				}
				if in, err := m.Open(); err == nil {
					n, _ := io.Copy(io.Discard, in)
					require.LessOrEqual(t, n, int64(len(data)+1)*1100*1100)
					in.Close()
				}
			}
		}
	})
}
