// Package exportstest is the suite of tests that every reader of export files passes. A
// reader passes it with its own fixtures.
package exportstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

// Run runs the suite with each folder in dir as a separate source. A folder has the files of one export, and
// result.golden with the expected result.
func Run(t *testing.T, f format.Format, dir string) {
	t.Helper()
	folders, err := os.ReadDir(dir)
	require.NoError(t, err)
	ran := 0
	for _, folder := range folders {
		if !folder.IsDir() || folder.Name() == "fuzz" {
			continue
		}
		ran++
		at := path.Join(dir, folder.Name())
		t.Run(folder.Name(), func(t *testing.T) {
			t.Run("golden", func(t *testing.T) { readtest.Golden(t, f, at) })
			s := suite{f, readtest.Dir(t, at)}
			t.Run("twice", s.twice)
			t.Run("valid", s.valid)
			t.Run("cut off", s.cutOff)
			t.Run("damaged", s.damaged)
			t.Run("stops", s.stops)
			t.Run("memory", s.memory)
		})
	}
	require.Positive(t, ran, "%s has no folders with fixtures", dir)
}

type suite struct {
	format format.Format
	source *readtest.Source
}

// members are the members that the format recognises.
func (s suite) members() (members []format.Member) {
	for _, m := range s.source.All() {
		if readtest.Recognised(s.format, m) {
			members = append(members, m)
		}
	}
	return members
}

// twice reads everything two times.
func (s suite) twice(t *testing.T) {
	members := s.members()
	require.NotEmpty(t, members, "no file is recognised")
	require.Equal(t, readtest.ReadAll(s.format, members).String(), readtest.ReadAll(s.format, members).String())
}

// valid checks that the results can be stored and follow the rules of package format.
func (s suite) valid(t *testing.T) {
	for _, c := range readtest.ReadAll(s.format, s.members()).Conversations {
		require.NotEmpty(t, c.ExternalID)
		require.NotEmpty(t, c.Platform)
		require.NotEmpty(t, c.Place.Member, "the place of %s", c.ExternalID)
		require.True(t, c.TellsMarks, "TellsMarks of %s", c.ExternalID)
		_, err := c.Validate(time.Now())
		require.NoError(t, err, c.ExternalID)
		requireTime(t, c.CreatedAt)
		requireTime(t, c.UpdatedAt)
		active := false
		for _, m := range c.Messages {
			requireTime(t, m.CreatedAt)
			require.False(t, m.Inferred && m.CreatedAt.IsZero(), "an unknown time is not inferred")
			require.NotContains(t, m.Text, "\x00")
			require.True(t, strings.TrimSpace(m.Text) != "" || len(m.Files) > 0, "message %s of %s is empty", m.ExternalID, c.ExternalID)
			active = active || m.Branch == ""
		}
		require.True(t, active, "%s has no active path", c.ExternalID)
	}
}

func requireTime(t *testing.T, at time.Time) {
	t.Helper()
	require.Equal(t, time.UTC, at.Location())
	require.Equal(t, at.Truncate(time.Microsecond), at)
}

// cutOff cuts each file at every sixteenth of its length. Elements before the cut are the same as in the whole file.
func (s suite) cutOff(t *testing.T) {
	for _, m := range s.members() {
		data := content(t, m)
		whole := byPlace(readtest.Read(s.format, m))
		ends := elementEnds(data)
		for i := 1; i < 16; i++ {
			cut := data[:len(data)*i/16]
			found := s.read(t, m.Path, cut)
			require.NoError(t, found.Err, "%s, cut at %d/16", m.Path, i)
			s.withoutText(t, found)
			have := byPlace(found)
			for place, want := range whole {
				if place.Element > 0 && place.Element <= len(ends) && ends[place.Element-1] <= len(cut) {
					require.Equal(t, want, have[place], "%s, cut at %d/16", place, i)
				}
			}
		}
	}
}

// damaged damages each element, or each line, in several ways. Only that one is lost.
func (s suite) damaged(t *testing.T) {
	for _, m := range s.members() {
		data := content(t, m)
		whole := byPlace(readtest.Read(s.format, m))
		ends := elementEnds(data)
		for number := 1; number <= len(ends); number++ {
			start := 1
			if number > 1 {
				start = ends[number-2]
			}
			for way, damage := range damages {
				name := fmt.Sprintf("%s, element %d: %s", m.Path, number, way)
				found := s.read(t, m.Path, append(append(append([]byte(nil), data[:start]...), damage(data[start:ends[number-1]])...), data[ends[number-1]:]...))
				require.NoError(t, found.Err, name)
				require.NotEmpty(t, found.Problems, name)
				s.withoutText(t, found)
				have := byPlace(found)
				for place, want := range whole {
					if place.Element != number && place.Element > 0 { // other conversations consist of several elements
						require.Equal(t, want, have[place], "%s loses %s", name, place)
					}
				}
			}
		}
	}
}

// damages are ways to damage an element. Each ends the JSON before the element ends.
var damages = map[string]func([]byte) []byte{
	"half of it is missing": func(b []byte) []byte { return b[:len(b)/2] },
	"zeros":                 func(b []byte) []byte { return append(append(b[:len(b)/2:len(b)/2], 0, 0, 0, 0), b[len(b)/2+4:]...) },
	"the end is missing":    func(b []byte) []byte { return b[:len(b)-1] },
}

// read reads the bytes as one file beside the other files.
func (s suite) read(t *testing.T, name string, data []byte) readtest.Found {
	t.Helper()
	files := map[string][]byte{}
	for _, m := range s.source.All() {
		files[m.Path] = content(t, m)
	}
	files[name] = data
	m, ok := readtest.Files(files).Member(name)
	require.True(t, ok)
	return readtest.Read(s.format, m)
}

// withoutText checks that no text of a message is in a problem or a note.
func (s suite) withoutText(t *testing.T, found readtest.Found) {
	t.Helper()
	said := strings.Join(append(found.Problems, found.Notes...), "\n")
	for _, c := range readtest.ReadAll(s.format, s.members()).Conversations {
		for _, m := range c.Messages {
			if len(m.Text) > 8 {
				require.NotContains(t, said, m.Text)
			}
		}
	}
}

// stops checks that the reading ends with its context and with an error of Take.
func (s suite) stops(t *testing.T) {
	for _, m := range s.members() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := s.format.Read(ctx, m, &format.Out{Take: func(format.Conversation) error { return errors.New("taken after the end") }})
		require.ErrorIs(t, err, context.Canceled, m.Path)

		stop, taken := errors.New("stop"), 0
		err = s.format.Read(context.Background(), m, &format.Out{Take: func(format.Conversation) error { taken++; return stop }})
		if taken > 0 {
			require.Same(t, stop, err, m.Path)
			require.Equal(t, 1, taken, "%s goes on after an error", m.Path)
		}
	}
}

// byPlace returns conversations by their places, as text.
func byPlace(found readtest.Found) map[format.Place]string {
	all := map[format.Place]string{}
	for _, c := range found.Conversations {
		place := c.Place
		c.Place = format.Place{}
		all[place] += readtest.Found{Conversations: []format.Conversation{c}}.String()
	}
	return all
}

func content(t *testing.T, m format.Member) []byte {
	t.Helper()
	in, err := m.Open()
	require.NoError(t, err)
	defer in.Close()
	data := make([]byte, m.Size)
	_, err = in.Read(data)
	if m.Size > 0 {
		require.NoError(t, err)
	}
	return data
}
