package chatfiles

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Limits of the title in a file's name.
const (
	slugRunes = 60
	slugBytes = 120 // names have at most 255 bytes on most file systems
)

// fileName returns the name of a conversation's file: its day, its title and the end of its id,
// or the whole id. It has only letters, digits and hyphens besides the extension, so that it is a name of one file on
// every system.
func fileName(c chat.Conversation, wholeID bool, extension string) string {
	id := strings.ReplaceAll(slug(string(c.ID)), "-", "")
	if !wholeID && len(id) > shortID {
		id = id[len(id)-shortID:] // the beginning is the time
	}
	return c.CreatedAt.UTC().Format(time.DateOnly) + "-" + slug(c.Title) + "-" + id + extension
}

// shortID is how many digits of an id distinguish files of one day and title.
const shortID = 8

// slug returns a text as lower-case letters and digits with single hyphens between.
func slug(title string) string {
	var out strings.Builder
	runes, gap := 0, false
	for _, r := range strings.ToLower(title) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) || r == utf8.RuneError {
			gap = out.Len() > 0
			continue
		}
		if gap {
			out.WriteByte('-')
			runes++
		}
		gap = false
		if runes++; runes > slugRunes || out.Len()+utf8.RuneLen(r) > slugBytes {
			break
		}
		out.WriteRune(r)
	}
	if s := strings.TrimRight(out.String(), "-"); s != "" {
		return s
	}
	return "untitled"
}
