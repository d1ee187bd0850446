package store

import (
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// partsLookedAt is how many messages one call of Parts reads at most. It bounds the
// memory for many empty messages.
const partsLookedAt = 500

// Parts returns the parts of a conversation that follow at, in order, and whether they
// are the last ones. Their texts have at most `most` bytes together. There is at least
// one part unless nothing follows. A longer text is divided into several parts, and
// neither this program nor SQLite loads all of it.
//
// most must be at least utf8.UTFMax.
func (v *View) Parts(ws chat.WorkspaceID, conversation chat.ConversationID, at chat.PartAt, most int) (parts []chat.Part, last bool, err error) {
	sizes, err := v.sizes(ws, conversation, at)
	if err != nil || len(sizes) == 0 {
		return nil, true, err
	}
	offset := 0
	if sizes[0].Position == at.Position {
		offset = at.Offset
	}
	if offset > 0 || sizes[0].Size > most {
		piece, err := v.piece(ws, conversation, sizes[0], offset, most)
		return []chat.Part{piece}, piece.Ends() && len(sizes) == 1, err
	}
	whole, total := 0, 0
	for whole < len(sizes) && (whole == 0 || total+sizes[whole].Size <= most) {
		total += sizes[whole].Size
		whole++
	}
	parts, err = v.whole(ws, conversation, sizes[0].Position, sizes[whole-1].Position)
	return parts, whole == len(sizes) && whole < partsLookedAt, err
}

// sizedText is the size of the text of a message, in bytes.
type sizedText struct{ Position, Size int }

// sizes returns the sizes of the next texts from a place on. It selects nothing else,
// because SQLite stores the other columns behind the text and reads all of a long text
// to reach them.
func (v *View) sizes(ws chat.WorkspaceID, conversation chat.ConversationID, at chat.PartAt) (sizes []sizedText, err error) {
	limit := partsLookedAt
	if at.Offset > 0 { // the rest of this message, and whether another follows
		limit = 2
	}
	err = v.db.Model(&dialect.MessageRow{}).Select("position, octet_length(text) AS size").
		Where("workspace_id = ? AND conversation_id = ? AND position >= ?", int64(ws), conversation, at.Position).
		Order("position").Limit(limit).Find(&sizes).Error
	return sizes, v.fault(err)
}

// whole returns consecutive messages, each as one part.
func (v *View) whole(ws chat.WorkspaceID, conversation chat.ConversationID, first, last int) ([]chat.Part, error) {
	var rows []dialect.MessageRow
	err := v.db.Where("workspace_id = ? AND conversation_id = ? AND position BETWEEN ? AND ?", int64(ws), conversation, first, last).
		Order("position").Find(&rows).Error
	parts := make([]chat.Part, len(rows))
	for i, row := range rows {
		parts[i] = chat.Part{Message: messageOf(row), Size: len(row.Text)}
	}
	return parts, v.fault(err)
}

// piece reads up to most bytes of a text, and ends at the border of a character.
func (v *View) piece(ws chat.WorkspaceID, conversation chat.ConversationID, of sizedText, offset, most int) (chat.Part, error) {
	message := v.db.Model(&dialect.MessageRow{}).
		Where("workspace_id = ? AND conversation_id = ? AND position = ?", int64(ws), conversation, of.Position).
		Session(&gorm.Session{})
	var text []byte
	if err := message.Select(v.database.TextPiece(), offset, min(most, of.Size-offset)).Row().Scan(&text); err != nil {
		return chat.Part{}, v.fault(err)
	}
	if offset+len(text) < of.Size {
		text = text[:len(text)-cutCharacter(text)]
	}
	if len(text) == 0 {
		return chat.Part{}, fault.New(fault.Internal, "no piece of a message could be read at byte %d of %d", offset, of.Size)
	}
	part := chat.Part{Offset: offset, Size: of.Size}
	part.Position = of.Position
	if ends := offset+len(text) == of.Size; part.Begins() || ends {
		var row dialect.MessageRow
		if err := message.Omit("text").Take(&row).Error; err != nil {
			return chat.Part{}, v.fault(err)
		}
		part.Message = messageOf(row)
	}
	part.Text = string(text)
	return part, nil
}

// cutCharacter is how many bytes at the end of a text belong to an incomplete character.
func cutCharacter(text []byte) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(text)); n++ {
		if b := text[len(text)-n]; utf8.RuneStart(b) {
			if utf8.FullRune(text[len(text)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}
