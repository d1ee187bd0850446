package store

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Passage is a chunk with what is needed to show and cite it.
type Passage struct {
	rank.Key
	Title    string // of the conversation
	Platform string
	Content  chat.Passage
}

// Passages returns the chunks of the keys, in no particular order; keys whose
// chunk is deleted are left out. It takes two statements, however many keys there are.
func (v *View) Passages(ws chat.WorkspaceID, keys []rank.Key) ([]Passage, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var rows []struct {
		ConversationID chat.ConversationID
		Position       int
		Title          string
		Platform       string
		FirstMessage   int
		LastMessage    int
		Parts          []byte
	}
	chunks := v.db.Model(&dialect.ChunkRow{}).
		Select("chunks.conversation_id, chunks.position, conversations.title, conversations.platform, "+
			"chunks.first_message, chunks.last_message, chunks.parts").
		Joins("JOIN conversations ON conversations.workspace_id = chunks.workspace_id AND conversations.id = chunks.conversation_id").
		Where("chunks.workspace_id = ?", int64(ws))
	if err := v.database.AtKeys(chunks, "chunks", keys).Find(&rows).Error; err != nil {
		return nil, v.fault(err)
	}
	wanted := make([]unread, len(rows))
	for i, r := range rows {
		wanted[i] = newUnread(r.ConversationID, r.Title, r.Position, r.FirstMessage, r.LastMessage, r.Parts)
	}
	contents, err := v.contents(ws, wanted)
	if err != nil {
		return nil, err
	}
	passages := make([]Passage, len(rows))
	for i, r := range rows {
		passages[i] = Passage{
			Key:   rank.Key{Conversation: r.ConversationID, Position: r.Position},
			Title: r.Title, Platform: r.Platform, Content: contents[i],
		}
	}
	return passages, nil
}

// StoredPassages returns the texts of stored chunks of a conversation with this title.
func (v *View) StoredPassages(ws chat.WorkspaceID, conversation chat.ConversationID, title string, chunks []StoredChunk) ([]chat.Passage, error) {
	wanted := make([]unread, len(chunks))
	for i, c := range chunks {
		wanted[i] = newUnread(conversation, title, c.Position, c.First, c.Last, c.parts)
	}
	return v.contents(ws, wanted)
}

// unread is a passage whose messages have not been read.
type unread struct {
	conversation chat.ConversationID
	content      chat.Passage
	guessed      bool // its parts are not known: these are the beginnings of its messages
}

// The text of a passage whose parts are not known: the beginnings of its messages, up to
// the length of a passage.
const (
	guessedRunes    = 1500
	guessedMessages = 160
)

func newUnread(conversation chat.ConversationID, title string, position, first, last int, raw []byte) unread {
	u := unread{conversation: conversation}
	parts, titled := decodeParts(first, raw)
	if len(parts) == 0 {
		u.guessed, titled = true, position == 0
		for at := first; at <= min(last, first+guessedMessages-1); at++ {
			parts = append(parts, chat.Excerpt{Position: at, End: 4 * guessedRunes})
		}
	}
	u.content.Parts = parts
	if titled {
		u.content.Title = title
	}
	return u
}

// contents reads the messages of passages, in one statement.
func (v *View) contents(ws chat.WorkspaceID, wanted []unread) ([]chat.Passage, error) {
	var asked []dialect.Stretch
	for _, u := range wanted {
		for _, part := range u.content.Parts {
			asked = append(asked, dialect.Stretch{Conversation: u.conversation, Position: part.Position, Start: part.Start, Length: part.End - part.Start})
		}
	}
	if len(asked) == 0 {
		return make([]chat.Passage, len(wanted)), nil
	}
	rows, err := v.database.Stretches(v.db, ws, asked)
	if err != nil {
		return nil, v.fault(err)
	}
	found := make([]*dialect.StretchRow, len(asked))
	for i, r := range rows {
		found[r.Asked] = &rows[i]
	}
	contents := make([]chat.Passage, len(wanted))
	for i, u := range wanted {
		contents[i] = u.read(found[:len(u.content.Parts)])
		found = found[len(u.content.Parts):]
	}
	return contents, nil
}

// read fills in the texts of each part.
func (u unread) read(found []*dialect.StretchRow) chat.Passage {
	p := chat.Passage{Title: u.content.Title}
	left := guessedRunes
	for i, part := range u.content.Parts {
		row := found[i]
		if row == nil {
			continue
		}
		part.MessageID, part.Sender, part.CreatedAt = row.ID, chat.Sender(row.Sender), dialect.FromMicros(row.CreatedAt)
		part.Text = string(row.Text)
		if u.guessed {
			m := chat.Message{Sender: part.Sender, Text: part.Text, Branch: row.Branch, Hidden: row.Hidden}
			if !m.Indexed() || left == 0 {
				continue
			}
			part.Text, left = firstRunes(row.Text, left)
			part.End = len(part.Text)
		}
		p.Parts = append(p.Parts, part)
	}
	return p
}

// firstRunes returns up to limit runes of the beginning of a text, which may end within a
// character, and how many more there may be.
func firstRunes(text []byte, limit int) (string, int) {
	text = text[:len(text)-cutCharacter(text)]
	n := 0
	for i := range string(text) {
		if n == limit {
			return strings.TrimSpace(string(text[:i])), 0
		}
		n++
	}
	return string(text), limit - n
}
