package store

import (
	"database/sql"
	"slices"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// previewTitles is how many titles a preview has.
const previewTitles = 20

// previewIDs is how many ids one statement has. Both databases take more.
const previewIDs = 500

// previewRow sums up the conversations that match.
type previewRow struct {
	N              int
	Messages       int
	Chunks         int
	Pinned         int
	Oldest, Newest sql.NullInt64
}

const previewSums = "count(*) AS n, coalesce(sum(message_count), 0) AS messages, coalesce(sum(chunk_count), 0) AS chunks, " +
	"count(*) FILTER (WHERE pinned = ?) AS pinned, min(conversations.created_at) AS oldest, max(conversations.created_at) AS newest"

// PreviewMatching sums up the conversations that match the filter.
func (v *View) PreviewMatching(ws chat.WorkspaceID, f chat.Filter) (chat.Preview, error) {
	return v.preview(func() *gorm.DB { return v.filtered(ws, f) })
}

// PreviewIDs sums up those of the conversations that exist. The ids must be in canonical
// form and different.
func (v *View) PreviewIDs(ws chat.WorkspaceID, ids []chat.ConversationID) (sum chat.Preview, err error) {
	for some := range slices.Chunk(ids, previewIDs) {
		part, err := v.preview(func() *gorm.DB {
			return v.db.Model(&dialect.ConversationRow{}).Where("conversations.workspace_id = ? AND conversations.id IN ?", int64(ws), some)
		})
		if err != nil {
			return chat.Preview{}, err
		}
		sum.Add(part)
	}
	sum.Titles = sum.Titles[:min(len(sum.Titles), previewTitles)]
	return sum, nil
}

func (v *View) preview(matching func() *gorm.DB) (chat.Preview, error) {
	var row previewRow
	if err := matching().Select(previewSums, true).Take(&row).Error; err != nil {
		return chat.Preview{}, v.fault(err)
	}
	sum := chat.Preview{Conversations: row.N, Messages: row.Messages, Passages: row.Chunks, Pinned: row.Pinned}
	if row.Oldest.Valid {
		sum.Oldest, sum.Newest = dialect.FromMicros(row.Oldest.Int64), dialect.FromMicros(row.Newest.Int64)
	}
	err := matching().Order("conversations.updated_at DESC, conversations.id DESC").Limit(previewTitles).Pluck("conversations.title", &sum.Titles).Error
	return sum, v.fault(err)
}
