package store

import (
	"slices"
	"strings"
	"unicode"

	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// removal is what a delete of single messages will change in a conversation.
type removal struct {
	conversation chat.Conversation
	deleted      []chat.Message // without their texts, in order
	merged       chat.Merged    // with the title of afterwards
	tombstones   []messageTombstoneRow
	passages     passageChanges
	vectors      int // of the passages that are deleted
}

// all reports whether no message is left, so that the conversation goes as well.
func (r removal) all() bool { return len(r.merged.Messages) == 0 }

func (r removal) renamed() bool { return r.merged.Title != r.conversation.Title }

// RemovedMessages is the result of a delete of single messages.
type RemovedMessages struct {
	IDs          []chat.MessageID // in the order of the conversation
	Receipt      chat.Deletion    // the zero value when nothing was deleted
	Conversation bool             // the conversation was deleted too, because no message was left
}

// DeleteMessages deletes messages of a conversation, with every passage that contains a
// part of one and its vector, closes the gaps in the positions, and queues the
// conversation for indexing. A title that quotes one of the messages is derived from the rest. If
// no message is left, the conversation is deleted. The receipt and the
// tombstones of the messages are written in the same transaction. Ids that the
// conversation does not have are ignored. NotFound when the workspace has no conversation
// with this id. The ids must be in canonical form.
func (tx *Tx) DeleteMessages(ws chat.WorkspaceID, id chat.ConversationID, ids []chat.MessageID, o chat.DeleteOptions) (RemovedMessages, error) {
	stored, err := tx.conversation(tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("workspace_id = ? AND id = ?", int64(ws), id))
	if err != nil {
		return RemovedMessages{}, err
	}
	r, err := tx.planRemoval(ws, stored, ids)
	if err != nil || len(r.deleted) == 0 {
		return RemovedMessages{}, err
	}
	done := RemovedMessages{Conversation: r.all(), IDs: make([]chat.MessageID, len(r.deleted))}
	for i, m := range r.deleted {
		done.IDs[i] = m.ID
	}
	if r.all() {
		_, done.Receipt, err = tx.DeleteConversations(ws, []chat.ConversationID{id}, o)
	} else {
		done.Receipt, err = tx.remove(ws, r, o)
	}
	if err != nil {
		return RemovedMessages{}, err
	}
	return done, tx.remember(r.tombstones, done.Receipt.ID)
}

// PreviewMessages says what DeleteMessages would delete now, with the same errors.
func (v *View) PreviewMessages(ws chat.WorkspaceID, id chat.ConversationID, ids []chat.MessageID) (chat.MessagesPreview, error) {
	stored, err := v.Conversation(ws, id)
	if err != nil {
		return chat.MessagesPreview{}, err
	}
	r, err := v.planRemoval(ws, stored, ids)
	if err != nil || len(r.deleted) == 0 {
		return chat.MessagesPreview{}, err
	}
	p := chat.MessagesPreview{Messages: len(r.deleted), Passages: len(r.passages.stale), Conversation: r.all(), Title: r.renamed()}
	if r.all() {
		p.Passages, p.Title = stored.Chunks, true
	}
	return p, nil
}

// planRemoval works out what a delete of messages changes. It reads no text but those of
// the messages, and of the first ones that stay.
func (v *View) planRemoval(ws chat.WorkspaceID, stored chat.Conversation, ids []chat.MessageID) (r removal, err error) {
	r.conversation = stored
	var rows []dialect.MessageRow
	err = v.db.Omit("text").Where("workspace_id = ? AND conversation_id = ?", int64(ws), stored.ID).Order("position").Find(&rows).Error
	if err != nil {
		return r, v.fault(err)
	}
	asked := make(map[chat.MessageID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	turns := make([]chat.Message, len(rows))
	for i, row := range rows {
		if turns[i] = messageOf(row); asked[row.ID] {
			r.deleted = append(r.deleted, turns[i])
		}
	}
	if len(r.deleted) == 0 {
		return r, nil
	}
	r.merged = chat.Removal(turns, func(id chat.MessageID) bool { return asked[id] })
	r.merged.Title, r.merged.CreatedAt, r.merged.UpdatedAt = stored.Title, stored.CreatedAt, stored.UpdatedAt
	r.merged.Pinned, r.merged.Source = stored.Pinned, stored.Source
	if err := v.forgetWords(ws, &r, turns); err != nil || r.all() {
		return r, err
	}
	if r.passages, err = v.passageChanges(ws, stored, r.renamed(), r.merged.Outdated, r.merged.Moves); err != nil {
		return r, err
	}
	r.vectors, err = v.vectorsAt(ws, stored.ID, r.passages.stale)
	return r, err
}

// forgetWords makes the tombstones of the messages, and derives a new title if the title
// quotes one of them.
func (v *View) forgetWords(ws chat.WorkspaceID, r *removal, turns []chat.Message) error {
	origin := chat.Origin{Platform: r.conversation.Platform, ExternalID: r.conversation.ExternalID}
	earlier, err := v.messageTombstones(ws, origin)
	if err != nil {
		return err
	}
	positions := make([]int, len(r.deleted))
	for i, m := range r.deleted {
		positions[i] = m.Position
	}
	quoted := false
	for i, source := range sourcePositions(positions, earlier) {
		m := r.deleted[i]
		words, title, err := v.wordsAt(ws, r.conversation, m.Position)
		if err != nil {
			return err
		}
		row := messageTombstoneRow{
			WorkspaceID: int64(ws), ExternalHash: v.externalHash(origin.Platform, origin.ExternalID),
			MessageHash: v.messageHash(origin, ownMessageID, string(m.ID)), Position: source,
			WordsHash: v.messageHash(origin, itsWords, string(m.Sender), words),
		}
		if m.ExternalID != "" {
			row.IDHash = v.messageHash(origin, theirID, m.ExternalID)
		}
		if title != "" {
			row.TitleHash = v.messageHash(origin, itsTitle, chat.TitleKey(title))
			quoted = quoted || title == r.conversation.Title
		}
		r.tombstones = append(r.tombstones, row)
	}
	if quoted {
		r.merged.Title, err = v.titleWithout(ws, r.conversation.ID, turns, r.deleted)
	}
	return err
}

// wordsAt returns the checksum of the words of a message, and the title that reveals what it
// said: that of its conversation if it quotes the message, else the one that would be derived
// from the message. Of a text of more than 4 MiB only the beginning is compared with the title.
func (v *View) wordsAt(ws chat.WorkspaceID, c chat.Conversation, position int) (words, title string, err error) {
	var sum chat.Words
	err = v.piecesAt(ws, c.ID, position, knownText, func(part chat.Part) bool {
		if part.Begins() {
			if title = chat.TitleFrom(part.Text); chat.Quotes(c.Title, part.Text) {
				title = c.Title
			}
		}
		sum.Write(part.Text)
		return true
	})
	return sum.Sum(), title, err
}

// titlePiece is how many bytes of a message are read at a time for a title.
const titlePiece = 4 << 10

// titleWithout derives a title from the messages that stay.
func (v *View) titleWithout(ws chat.WorkspaceID, id chat.ConversationID, turns, deleted []chat.Message) (title string, err error) {
	without := chat.DerivedTitle(func(yield func(chat.Sender, string) bool) {
		for _, m := range turns {
			if m.Sender != chat.Human || slices.ContainsFunc(deleted, func(d chat.Message) bool { return d.ID == m.ID }) {
				continue
			}
			var opening string
			if opening, err = v.opening(ws, id, m.Position); err != nil || !yield(m.Sender, opening) {
				return
			}
		}
	})
	return without, err
}

// opening returns the beginning of a message that is long enough for a title.
func (v *View) opening(ws chat.WorkspaceID, id chat.ConversationID, position int) (string, error) {
	var opening strings.Builder
	err := v.piecesAt(ws, id, position, titlePiece, func(part chat.Part) bool {
		if opening.Len() == 0 { // white space at the beginning can be of any length
			part.Text = strings.TrimLeftFunc(part.Text, unicode.IsSpace)
		}
		opening.WriteString(part.Text)
		return opening.Len() < titlePiece/2
	})
	return opening.String(), err
}

// piecesAt reads the text of one message in pieces until take returns false.
func (v *View) piecesAt(ws chat.WorkspaceID, id chat.ConversationID, position, most int, take func(chat.Part) bool) error {
	of, err := v.sizes(ws, id, chat.PartAt{Position: position})
	if err != nil || len(of) == 0 || of[0].Position != position {
		return err
	}
	for offset := 0; offset < of[0].Size; {
		part, err := v.piece(ws, id, of[0], offset, most)
		if err != nil || !take(part) {
			return err
		}
		offset += len(part.Text)
	}
	return nil
}

func (v *View) vectorsAt(ws chat.WorkspaceID, id chat.ConversationID, positions []int) (int, error) {
	total := 0
	for batch := range slices.Chunk(positions, idBatch) {
		var n int64
		err := v.db.Model(&dialect.EmbeddingRow{}).Where("workspace_id = ? AND conversation_id = ? AND position IN ?", int64(ws), id, batch).Count(&n).Error
		if err != nil {
			return 0, v.fault(err)
		}
		total += int(n)
	}
	return total, nil
}

// remove deletes the messages of a removal that leaves some.
func (tx *Tx) remove(ws chat.WorkspaceID, r removal, o chat.DeleteOptions) (chat.Deletion, error) {
	id := r.conversation.ID
	changes := map[string]any{
		"title": r.merged.Title, "title_folded": chat.Fold(r.merged.Title), "message_count": r.merged.Count(),
	}
	tx.requeue(changes)
	if err := tx.update(ws, id, changes); err != nil {
		return chat.Deletion{}, err
	}
	if err := tx.deleteAt(ws, id, r.deleted); err != nil {
		return chat.Deletion{}, err
	}
	if err := tx.rearrange(ws, id, r.merged); err != nil {
		return chat.Deletion{}, err
	}
	if err := tx.changePassages(ws, id, r.passages); err != nil {
		return chat.Deletion{}, err
	}
	receipt := tx.receipt(ws, o)
	receipt.Messages, receipt.Chunks, receipt.Embeddings = len(r.deleted), len(r.passages.stale), r.vectors
	return receipt.deletion(), tx.fault(tx.db.Create(&receipt).Error)
}

// deleteAt deletes messages. SQLite keeps in memory what one statement may have to undo, so
// long texts are deleted one by one.
func (tx *Tx) deleteAt(ws chat.WorkspaceID, id chat.ConversationID, messages []chat.Message) error {
	for _, m := range messages {
		err := tx.db.Where("workspace_id = ? AND conversation_id = ? AND position = ?", int64(ws), id, m.Position).
			Delete(&dialect.MessageRow{}).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	return nil
}
