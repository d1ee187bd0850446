package chat

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"time"
)

// UploadSum is a checksum of everything that an upload says: two uploads with the same one
// are the same. It is zero when it is not known.
type UploadSum [sha256.Size]byte

// sumVersion is part of each checksum. Raise it when Validate or Merge treat an upload
// differently than before, so that files that are imported again are merged again.
const sumVersion = 1

// Sum returns the checksum of an upload as it is, before Validate.
func (u Upload) Sum() (sum UploadSum) {
	s := summer{hash: sha256.New()}
	s.number(sumVersion)
	for _, text := range []string{u.Platform, u.DisplayName, u.ExternalID, u.Title, u.Source.Project, u.Source.Link} {
		s.text(text)
	}
	s.time(u.CreatedAt)
	s.time(u.UpdatedAt)
	s.choice(u.Pinned)
	s.choice(u.Source.Archived)
	s.choice(u.Source.Starred)
	s.flag(u.TellsMarks)
	s.flag(u.From != nil)
	if u.From != nil {
		s.number(int64(*u.From))
	}
	s.number(int64(len(u.Messages)))
	for i := range u.Messages {
		s.message(&u.Messages[i])
	}
	s.flush()
	s.hash.Sum(sum[:0])
	return sum
}

// IsZero reports whether the checksum is not known.
func (s UploadSum) IsZero() bool { return s == UploadSum{} }

// summer writes values to a hash so that different values never become the same bytes: each
// text follows its length.
type summer struct {
	hash   hash.Hash
	buffer []byte
}

// flushAt is how many bytes are collected before they are hashed. A longer text is hashed
// without a copy.
const flushAt = 4 << 10

func (s *summer) message(m *UploadMessage) {
	s.text(m.ExternalID)
	s.text(m.Role)
	s.text(m.Text)
	s.time(m.CreatedAt)
	s.text(m.Branch)
	s.flag(m.Hidden)
	s.flag(m.Inferred)
	s.number(int64(len(m.Files)))
	for _, name := range m.Files {
		s.text(name)
	}
}

func (s *summer) number(n int64) { s.buffer = binary.AppendVarint(s.buffer, n) }

func (s *summer) flag(is bool) {
	n := byte(0)
	if is {
		n = 1
	}
	s.buffer = append(s.buffer, n)
}

func (s *summer) choice(is *bool) {
	s.flag(is != nil)
	s.flag(is != nil && *is)
}

func (s *summer) time(t time.Time) {
	s.flag(t.IsZero())
	s.number(t.Unix())
	s.number(int64(t.Nanosecond()))
}

func (s *summer) text(text string) {
	s.number(int64(len(text)))
	if len(text) < flushAt {
		s.buffer = append(s.buffer, text...)
	}
	if len(s.buffer) >= flushAt || len(text) >= flushAt {
		s.flush()
	}
	if len(text) >= flushAt {
		_, _ = io.WriteString(s.hash, text) // a hash returns no error
	}
}

func (s *summer) flush() {
	_, _ = s.hash.Write(s.buffer) // a hash returns no error
	s.buffer = s.buffer[:0]
}
