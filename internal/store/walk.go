package store

import (
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Older returns up to n conversations of the window that come after a place, nearest
// first, which means last changed first. Without a place it begins at the newest. It
// reads the index conversations_newest from that place on, so the cost does not depend on
// the place.
func (v *View) Older(ws chat.WorkspaceID, w chat.Window, than *chat.Place, n int) ([]chat.Conversation, error) {
	query := v.inWindow(ws, w)
	if than != nil {
		query = query.Where("(updated_at, id) < (?, ?)", dialect.Micros(than.At), than.ID)
	}
	return v.walked(query.Order("updated_at DESC, id DESC"), n)
}

// Newer returns up to n conversations of the window that come before a place, nearest
// first, which means first changed first.
func (v *View) Newer(ws chat.WorkspaceID, w chat.Window, than chat.Place, n int) ([]chat.Conversation, error) {
	return v.walked(v.inWindow(ws, w).Where("(updated_at, id) > (?, ?)", dialect.Micros(than.At), than.ID).Order("updated_at, id"), n)
}

// Place returns the place of a conversation in a walk, or the place it had when it was
// deleted. NotFound when the workspace never had this id, when the conversation was
// uploaded again and has a new id, or when an old version deleted it without storing its
// place. The id must be in canonical form.
func (v *View) Place(ws chat.WorkspaceID, id chat.ConversationID) (chat.Place, error) {
	at, found, err := first[int64](v, v.db.Model(&dialect.ConversationRow{}).Select("updated_at").
		Where("workspace_id = ? AND id = ?", int64(ws), id))
	if err == nil && !found {
		return v.lastPlace(ws, id)
	}
	return chat.Place{At: dialect.FromMicros(at), ID: id}, err
}

func (v *View) inWindow(ws chat.WorkspaceID, w chat.Window) *gorm.DB {
	query := v.db.Where("workspace_id = ? AND updated_at >= ? AND updated_at < ?", int64(ws), dialect.Micros(w.From), dialect.Micros(w.Before))
	if w.PassesNothing() {
		return query.Where("1 = 0")
	}
	if platforms := w.Platforms(); len(platforms) > 0 {
		query = query.Where("platform IN ?", platforms)
	}
	return query
}

func (v *View) walked(query *gorm.DB, n int) ([]chat.Conversation, error) {
	var rows []dialect.ConversationRow
	err := query.Limit(n).Find(&rows).Error
	items := make([]chat.Conversation, len(rows))
	for i, r := range rows {
		items[i] = conversationOf(r)
	}
	return items, v.fault(err)
}

// TextSizes returns the size in bytes of the texts of each conversation. Neither database
// reads the texts for it.
func (v *View) TextSizes(ws chat.WorkspaceID, conversations []chat.Conversation) (map[chat.ConversationID]int, error) {
	var rows []struct {
		ConversationID chat.ConversationID
		Bytes          int
	}
	err := v.db.Model(&dialect.MessageRow{}).Select("conversation_id, sum(octet_length(text)) AS bytes").
		Where("workspace_id = ? AND conversation_id IN ?", int64(ws), idsOf(conversations)).
		Group("conversation_id").Find(&rows).Error
	sizes := make(map[chat.ConversationID]int, len(rows))
	for _, r := range rows {
		sizes[r.ConversationID] = r.Bytes
	}
	return sizes, v.fault(err)
}

// Transcripts returns the conversations with their messages, in the given order.
func (v *View) Transcripts(ws chat.WorkspaceID, conversations []chat.Conversation) ([]chat.Transcript, error) {
	var rows []dialect.MessageRow
	err := v.db.Where("workspace_id = ? AND conversation_id IN ?", int64(ws), idsOf(conversations)).
		Order("conversation_id, position").Find(&rows).Error
	if err != nil {
		return nil, v.fault(err)
	}
	turns := make(map[chat.ConversationID][]chat.Message, len(conversations))
	for _, r := range rows {
		turns[r.ConversationID] = append(turns[r.ConversationID], messageOf(r))
	}
	out := make([]chat.Transcript, len(conversations))
	for i, c := range conversations {
		out[i] = chat.Transcript{Conversation: c, Turns: turns[c.ID]}
	}
	return out, nil
}

func idsOf(conversations []chat.Conversation) []chat.ConversationID {
	ids := make([]chat.ConversationID, len(conversations))
	for i, c := range conversations {
		ids[i] = c.ID
	}
	return ids
}
