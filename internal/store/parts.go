package store

import (
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// sizedRow is a message without its text.
type sizedRow struct {
	Row  dialect.MessageRow `gorm:"embedded"`
	Size int                // bytes of its text
}

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
	rows, err := v.sized(ws, conversation, at)
	if err != nil || len(rows) == 0 {
		return nil, true, err
	}
	if rest := rows[0].Size - at.Offset; rest > most || (at.Offset > 0 && rows[0].Row.Position == at.Position) {
		piece, err := v.piece(rows[0], at.Offset, min(most, rest))
		return []chat.Part{piece}, piece.Ends() && len(rows) == 1, err
	}
	whole, total := 0, 0
	for whole < len(rows) && (whole == 0 || total+rows[whole].Size <= most) {
		total += rows[whole].Size
		whole++
	}
	texts, err := v.texts(rows[:whole])
	if err != nil {
		return nil, false, err
	}
	parts = make([]chat.Part, whole)
	for i, row := range rows[:whole] {
		parts[i] = chat.Part{Message: messageOf(row.Row), Size: row.Size}
		parts[i].Text = texts[row.Row.Position]
	}
	return parts, whole == len(rows) && whole < partsLookedAt, nil
}

// sized returns the next messages from a place on, without their texts.
func (v *View) sized(ws chat.WorkspaceID, conversation string, at chat.PartAt) (rows []sizedRow, err error) {
	err = v.db.Model(&dialect.MessageRow{}).
		Select("workspace_id, conversation_id, position, id, external_id, sender, created_at, branch, hidden, octet_length(text) AS size").
		Where("workspace_id = ? AND conversation_id = ? AND position >= ?", int64(ws), conversation, at.Position).
		Order("position").Limit(partsLookedAt).Find(&rows).Error
	return rows, v.fault(err)
}

// texts returns the texts of messages that follow each other, by position.
func (v *View) texts(rows []sizedRow) (map[int]string, error) {
	var found []struct {
		Position int
		Text     string
	}
	first := rows[0].Row
	err := v.db.Model(&dialect.MessageRow{}).Select("position", "text").
		Where("workspace_id = ? AND conversation_id = ? AND position BETWEEN ? AND ?",
			first.WorkspaceID, first.ConversationID, first.Position, rows[len(rows)-1].Row.Position).Find(&found).Error
	texts := make(map[int]string, len(found))
	for _, f := range found {
		texts[f.Position] = f.Text
	}
	return texts, v.fault(err)
}

// piece reads so many bytes of a text, or a few less, so that no character is cut.
func (v *View) piece(row sizedRow, offset, length int) (chat.Part, error) {
	var text []byte
	err := v.db.Model(&dialect.MessageRow{}).Select(v.database.TextPiece(), offset, length).
		Where("workspace_id = ? AND conversation_id = ? AND position = ?", row.Row.WorkspaceID, row.Row.ConversationID, row.Row.Position).
		Row().Scan(&text)
	if err != nil {
		return chat.Part{}, v.fault(err)
	}
	if offset+len(text) < row.Size {
		text = text[:len(text)-cutCharacter(text)]
	}
	if len(text) == 0 {
		return chat.Part{}, fault.New(fault.Internal, "no piece of a message could be read at byte %d of %d", offset, row.Size)
	}
	part := chat.Part{Message: messageOf(row.Row), Offset: offset, Size: row.Size}
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
