package readtest

import (
	"testing"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Fuzz feeds a reader with variations of the fixtures in a folder. Whatever a file has in
// it, a reader ends, and every conversation has an id and messages.
func Fuzz(f *testing.F, with format.Format, dir string) {
	for _, m := range Dir(f, dir).All() {
		data := Dir(f, dir).files[m.Path]
		f.Add(m.Path, data, false)
		f.Add(m.Path, data[:len(data)*2/3], true)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte, again bool) {
		s := Files(map[string][]byte{name: data, "other.jsonl": data})
		m, _ := s.Member(name)
		with.Matches(format.NewSample(name, data))
		found := Read(with, m)
		for _, c := range found.Conversations {
			if c.ExternalID == "" || len(c.Messages) == 0 || c.Platform == "" {
				t.Fatalf("a conversation with id %q, platform %q and %d messages", c.ExternalID, c.Platform, len(c.Messages))
			}
			ids := map[string]bool{}
			for _, msg := range c.Messages {
				if msg.ExternalID != "" && ids[msg.ExternalID] {
					t.Fatalf("two messages have the id %q", msg.ExternalID)
				}
				ids[msg.ExternalID] = true
			}
		}
		if again && found.Mark.Offset > 0 {
			m.From = found.Mark
			Read(with, m)
		}
	})
}
