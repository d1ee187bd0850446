package dialect

import "github.com/lethe-chat/lethe/internal/chat"

// Stretch asks for some bytes of the text of a message.
type Stretch struct {
	Conversation chat.ConversationID
	Position     int // of the message
	Start        int // number of bytes of the text before this piece
	Length       int // how many bytes are read, or fewer where the text ends
}

// StretchRow is the answer to a Stretch.
type StretchRow struct {
	Asked     int // its place in the list of what was asked
	ID        chat.MessageID
	Sender    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	Branch    string
	Hidden    bool
	Text      []byte
}
