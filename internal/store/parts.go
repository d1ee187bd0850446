package store

import (
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// partsLookedAt is how many messages one call of Parts considers at most, so that
// a million empty ones do not come at once either.
const partsLookedAt = 500

// Parts returns the parts of a conversation that follow a place, in order, with at
// most so many bytes of text together, and whether they are the last ones. There
// is at least one unless nothing follows. A text that is longer than most bytes
// comes in pieces, and neither this program nor SQLite ever holds all of it.
//
// most must be at least utf8.UTFMax.
func (v *View) Parts(ws chat.WorkspaceID, conversation string, at chat.PartAt, most int) (parts []chat.Part, last bool, err error) {
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

// sizedText is how many bytes the text of a message has.
type sizedText struct{ Position, Size int }

// sizes returns the sizes of the next texts from a place on. It asks for nothing else:
// SQLite keeps the other columns behind the text, and walks through all of a long one
// to reach them.
func (v *View) sizes(ws chat.WorkspaceID, conversation string, at chat.PartAt) (sizes []sizedText, err error) {
	limit := partsLookedAt
	if at.Offset > 0 { // the rest of this message, and whether another follows
		limit = 2
	}
	err = v.db.Model(&dialect.MessageRow{}).Select("position, octet_length(text) AS size").
		Where("workspace_id = ? AND conversation_id = ? AND position >= ?", int64(ws), conversation, at.Position).
		Order("position").Limit(limit).Find(&sizes).Error
	return sizes, v.fault(err)
}

// whole returns messages that follow each other, each as one part.
func (v *View) whole(ws chat.WorkspaceID, conversation string, first, last int) ([]chat.Part, error) {
	var rows []dialect.MessageRow
	err := v.db.Where("workspace_id = ? AND conversation_id = ? AND position BETWEEN ? AND ?", int64(ws), conversation, first, last).
		Order("position").Find(&rows).Error
	parts := make([]chat.Part, len(rows))
	for i, row := range rows {
		parts[i] = chat.Part{Message: messageOf(row), Size: len(row.Text)}
	}
	return parts, v.fault(err)
}

// piece reads at most so many bytes of a text, so that no character is cut.
func (v *View) piece(ws chat.WorkspaceID, conversation string, of sizedText, offset, most int) (chat.Part, error) {
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

// cutCharacter is how many bytes at the end of a text belong to a character that
// goes on behind it.
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
