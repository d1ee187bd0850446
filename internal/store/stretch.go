package store

import (
	"github.com/lethe-chat/lethe/internal/chat"
)

// Stretch returns up to n messages of a conversation, beginning at a position. A text that
// is longer than most bytes is cut there, at the border of a character; the answer has the
// bytes of each whole text. Neither this program nor SQLite loads what is cut off.
//
// most must be at least utf8.UTFMax.
func (v *View) Stretch(ws chat.WorkspaceID, conversation chat.ConversationID, from, n, most int) (messages []chat.Message, sizes []int, err error) {
	at := chat.PartAt{Position: from}
	for len(messages) < n {
		parts, last, err := v.Parts(ws, conversation, at, most)
		if err != nil {
			return nil, nil, err
		}
		for _, part := range parts {
			if part.Begins() && len(messages) < n {
				messages, sizes = append(messages, part.Message), append(sizes, part.Size)
			}
			at = chat.PartAt{Position: part.Position + 1}
		}
		if last || len(parts) == 0 {
			if len(parts) == 0 || parts[len(parts)-1].Ends() {
				break
			}
		}
	}
	return messages, sizes, nil
}
