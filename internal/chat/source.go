package chat

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what an upload says about its source.
const (
	MaxProjectRunes  = 500 // longer names are cut, not refused
	MaxLinkBytes     = 2000
	MaxFiles         = 100 // of one message
	MaxFileNameRunes = 200 // longer names are cut, not refused
	MaxFilesBytes    = 16_000
)

// Source has the properties that a conversation has at its source, apart from its messages.
type Source struct {
	Archived *bool  // nil when the source does not say
	Starred  *bool  // nil when the source does not say
	Project  string // name of the project, folder or working directory; empty when unknown
	Link     string // http or https address of the conversation at its source; empty when unknown
}

// Equal reports whether two sources have the same values.
func (s Source) Equal(other Source) bool {
	return equal(s.Archived, other.Archived) && equal(s.Starred, other.Starred) && s.Project == other.Project && s.Link == other.Link
}

func equal(a, b *bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// updated returns the source updated with a later upload. Properties that the upload does not have stay.
func (s Source) updated(sent Source) Source {
	if sent.Archived != nil {
		s.Archived = sent.Archived
	}
	if sent.Starred != nil {
		s.Starred = sent.Starred
	}
	if sent.Project != "" {
		s.Project = sent.Project
	}
	if sent.Link != "" {
		s.Link = sent.Link
	}
	return s
}

// clean returns the source as it is stored. It copies the pointers' values, so that the
// caller cannot change them later. It does not check the link.
func (s Source) clean() Source {
	if s.Archived != nil {
		s.Archived = new(*s.Archived)
	}
	if s.Starred != nil {
		s.Starred = new(*s.Starred)
	}
	s.Project = CleanProject(s.Project)
	s.Link = strings.TrimSpace(s.Link)
	return s
}

// CleanProject returns the name of a project as it is stored: one line, no NUL, at most
// MaxProjectRunes.
func CleanProject(s string) string { return cut(oneLine(storable(s)), MaxProjectRunes) }

// IsLink reports whether a text is an address that a page may show as a link: http or
// https, with a host and no password, at most MaxLinkBytes, and without spaces, quotation
// marks and invisible characters.
func IsLink(s string) bool {
	if len(s) > MaxLinkBytes || !utf8.ValidString(s) || strings.ContainsFunc(s, unfitForLink) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

func unfitForLink(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.C) || strings.ContainsRune("\"'`<>\\", r)
}

// cleanFiles returns the names of a message's files as they are stored: each one line, not
// empty, at most MaxFileNameRunes. The result is nil when there are none.
func cleanFiles(names []string) (clean []string) {
	for _, name := range names {
		if name = cut(oneLine(storable(name)), MaxFileNameRunes); name != "" {
			clean = append(clean, name)
		}
	}
	return clean
}

// fittingFiles is how many of the names a message may have.
func fittingFiles(names []string) int {
	bytes := 0
	for i, name := range names {
		if bytes += len(name); i == MaxFiles || bytes > MaxFilesBytes {
			return i
		}
	}
	return len(names)
}

// Repair removes what Validate would refuse although the rest of the conversation is worth
// storing: a link that is none, and names of files beyond the limits. It returns what was
// removed, in words for people. It is for files, whose authors cannot be asked to mend them.
// The messages of the caller are not changed.
func (u *Upload) Repair() (removed []string) {
	if link := strings.TrimSpace(u.Source.Link); link != "" && !IsLink(link) {
		u.Source.Link = ""
		removed = append(removed, "its link is no http or https address and was left out")
	}
	for i, m := range u.Messages {
		names := cleanFiles(m.Files)
		n := fittingFiles(names)
		if n == len(names) {
			continue
		}
		if len(removed) == 0 || removed[len(removed)-1] != tooManyFiles {
			u.Messages = append([]UploadMessage(nil), u.Messages...)
			removed = append(removed, tooManyFiles)
		}
		u.Messages[i].Files = names[:n]
	}
	return removed
}

const tooManyFiles = "messages with very many files kept the first names only"
