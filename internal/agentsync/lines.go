package agentsync

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
)

// maxLine is the longest line that is sent, in bytes. The service takes it, because its texts are within their limit.
const maxLine = chat.MaxTextBytes

// linesOf returns a conversation as lines of an import file. A long conversation becomes several lines, which the
// service puts together. whole means that u is the whole conversation; then each line has the position where it
// continues. Otherwise u is the end of a conversation, and the service finds its position by the ids. A text that is
// too long, such as the output of a tool, is cut.
func linesOf(u chat.Upload, whole bool) (lines [][]byte, err error) {
	for _, part := range u.Split(chat.DefaultPartLimits()) {
		if !whole {
			part.From = nil
		}
		line, err := lethe.Line(part, maxLine)
		if fault.Is(err, fault.Invalid) {
			line, err = lethe.Line(shortened(part), maxLine)
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// shortened returns a conversation whose long texts are cut so that each fits into a line.
func shortened(u chat.Upload) chat.Upload {
	const surely = chat.MaxTextBytes / 6 // a character takes at most six times its bytes in JSON
	messages := make([]chat.UploadMessage, len(u.Messages))
	for i, m := range u.Messages {
		if len(m.Text) > surely {
			m.Text = strings.ToValidUTF8(m.Text[:surely], "")
		}
		messages[i] = m
	}
	u.Messages = messages
	return u
}
