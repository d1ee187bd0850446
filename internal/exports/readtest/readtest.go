// Package readtest helps to test the readers of export files: it reads a folder of fixtures
// as a source, writes down what was found as text, and checks that a file can be read in
// pieces while it grows.
package readtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Source is files in memory or on disk as a source of members.
type Source struct {
	files map[string][]byte
	memo  map[string]any
	disk  string // the folder on disk; empty for a source in memory
}

// Files returns a source of files in memory, by their paths.
func Files(files map[string][]byte) *Source { return &Source{files: files, memo: map[string]any{}} }

// Dir returns a folder as a source. Files whose names end in .golden are left out.
func Dir(t testing.TB, dir string) *Source {
	t.Helper()
	s := Files(map[string][]byte{})
	s.disk = dir
	root := os.DirFS(dir)
	require.NoError(t, fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(name, ".golden") {
			return err
		}
		s.files[name], err = fs.ReadFile(root, name)
		return err
	}))
	require.NotEmpty(t, s.files, "%s has no fixtures", dir)
	return s
}

// Member returns the member with this path.
func (s *Source) Member(name string) (format.Member, bool) {
	data, ok := s.files[name]
	if !ok {
		return format.Member{}, false
	}
	m := format.Member{
		Path: name, Size: int64(len(data)), All: s.All,
		Open:    func() (io.ReadCloser, error) { return reader{bytes.NewReader(data)}, nil },
		Sibling: func(to string) (format.Member, bool) { return s.Member(path.Join(path.Dir(name), to)) },
		Memo: func(key string, find func() any) any {
			if _, known := s.memo[key]; !known {
				s.memo[key] = find()
			}
			return s.memo[key]
		},
	}
	if s.disk != "" {
		m.File = filepath.Join(s.disk, filepath.FromSlash(name))
	}
	return m, true
}

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

// All returns the members in the order of their paths.
func (s *Source) All() (all []format.Member) {
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		m, _ := s.Member(name)
		all = append(all, m)
	}
	return all
}

// Found is what reading found.
type Found struct {
	Conversations []format.Conversation
	Problems      []string
	Warnings      map[format.Warning]int
	Notes         []string
	Mark          format.Mark // of the member that was read last
	Err           error
}

// Read reads one member.
func Read(f format.Format, m format.Member) Found {
	var found Found
	found.read(f, m)
	return found
}

func (f *Found) read(with format.Format, m format.Member) {
	out := &format.Out{
		Take:     func(c format.Conversation) error { f.Conversations = append(f.Conversations, c); return nil },
		Fail:     func(at format.Place, err error) { f.Problems = append(f.Problems, at.String()+": "+err.Error()) },
		Note:     func(text string) { f.Notes = append(f.Notes, text) },
		Reached:  func(mark format.Mark) { f.Mark = mark },
		Warnings: f.Warnings,
	}
	f.Err = errors.Join(f.Err, with.Read(context.Background(), m, out))
	f.Warnings = out.Warnings
}

// ReadAll reads the members that the format recognises, in the order in which they are given.
func ReadAll(f format.Format, members []format.Member) Found {
	var found Found
	for _, m := range members {
		if Recognised(f, m) {
			found.read(f, m)
		}
	}
	slices.SortStableFunc(found.Conversations, func(a, b format.Conversation) int { // one may be in several members
		return cmp.Or(strings.Compare(a.ExternalID, b.ExternalID), strings.Compare(a.Place.Member, b.Place.Member))
	})
	slices.Sort(found.Problems)
	return found
}

// Recognised reports whether the format matches a member.
func Recognised(f format.Format, m format.Member) bool {
	in, err := m.Open()
	if err != nil {
		return false
	}
	defer in.Close()
	head, err := io.ReadAll(io.LimitReader(in, format.SampleBytes))
	return err == nil && f.Matches(format.NewSample(m.Path, head))
}

// Golden reads the folder with the format and compares what was found with the file
// result.golden in it. The result must not depend on the order of the members.
func Golden(t *testing.T, f format.Format, dir string) {
	t.Helper()
	got := ReadAll(f, Dir(t, dir).All())
	require.NoError(t, got.Err)
	text := got.String()
	golden := filepath.Join(dir, "result.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(text), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), text)

	members := Dir(t, dir).All()
	slices.Reverse(members)
	require.Equal(t, text, ReadAll(f, members).String(), "in another order")
}

// String returns the result as text, one message per line.
func (f Found) String() string {
	var b strings.Builder
	for _, c := range f.Conversations {
		fmt.Fprintf(&b, "== %s %s\n", c.Platform, c.ExternalID)
		fmt.Fprintf(&b, "   title %q, %s to %s%s, at %s\n", c.Title, stamp(c.CreatedAt), stamp(c.UpdatedAt), source(c.Source), c.Place)
		for _, m := range c.Messages {
			b.WriteString(message(m))
		}
	}
	for _, p := range f.Problems {
		fmt.Fprintf(&b, "problem: %s\n", p)
	}
	for _, w := range slices.Sorted(maps.Keys(f.Warnings)) {
		fmt.Fprintf(&b, "warning: %d %s\n", f.Warnings[w], w)
	}
	for _, n := range f.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

func source(s chat.Source) (text string) {
	if s.Project != "" {
		text += ", project " + s.Project
	}
	if s.Archived != nil {
		text += fmt.Sprintf(", archived %t", *s.Archived)
	}
	if s.Starred != nil {
		text += fmt.Sprintf(", starred %t", *s.Starred)
	}
	if s.Link != "" {
		text += ", link " + s.Link
	}
	return text
}

func message(m chat.UploadMessage) string {
	marks := ""
	if m.Hidden {
		marks += " hidden"
	}
	if m.Branch != "" {
		marks += " branch:" + m.Branch
	}
	if len(m.Files) > 0 {
		marks += " files:" + strings.Join(m.Files, ",")
	}
	at := stamp(m.CreatedAt)
	if m.Inferred {
		at = "~" + at
	}
	return fmt.Sprintf("   %s [%s] %s%s: %q\n", m.Role, m.ExternalID, at, marks, m.Text)
}
