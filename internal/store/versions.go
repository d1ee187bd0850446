package store

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Version is a conversation at one moment: it differs after each change that a caller
// can see.
type Version struct {
	ID       chat.ConversationID
	Revision int64
	Pinned   bool
}

const versionColumns = "conversations.id, conversations.revision, conversations.pinned"

// Versions returns the versions of those of the conversations that exist, in id order.
// The ids must be in canonical form and different.
func (v *View) Versions(ws chat.WorkspaceID, ids []chat.ConversationID) ([]Version, error) {
	var all []Version
	for batch := range slices.Chunk(slices.Sorted(slices.Values(ids)), idBatch) {
		var some []Version
		err := v.db.Model(&dialect.ConversationRow{}).Select(versionColumns).
			Where("conversations.workspace_id = ? AND conversations.id IN ?", int64(ws), batch).Order("conversations.id").Find(&some).Error
		if err != nil {
			return nil, v.fault(err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// VersionsMatching returns the versions of the conversations that match the filter, in id
// order, at most limit of them.
func (v *View) VersionsMatching(ws chat.WorkspaceID, f chat.Filter, limit int) ([]Version, error) {
	var all []Version
	err := v.filtered(ws, f).Select(versionColumns).Order("conversations.id").Limit(limit).Find(&all).Error
	return all, v.fault(err)
}

// Sign returns an HMAC of the message with the key of the database. Every program on the
// database gets the same one, and nobody without the database can make it. Each purpose has
// signatures of its own.
func (v *View) Sign(purpose, message string) []byte { return keyed(v.secret, "sign "+purpose, message) }
