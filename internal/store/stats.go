package store

import (
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Stats sums up a workspace. Call it on a Snapshot, so that the numbers agree.
func (v *View) Stats(ws chat.WorkspaceID) (chat.Stats, error) {
	var s chat.Stats
	err := v.filtered(ws, chat.Filter{}).Select("count(*) AS conversations, "+
		"coalesce(sum(message_count), 0) AS messages, coalesce(sum(token_count), 0) AS tokens, "+
		"coalesce(sum(chunk_count), 0) AS chunks, coalesce(sum(unreadable_count), 0) AS unreadable, "+
		"coalesce(sum(CASE WHEN pinned THEN 1 ELSE 0 END), 0) AS pinned").
		Row().Scan(&s.Conversations, &s.Messages, &s.Tokens, &s.Chunks, &s.Unreadable, &s.Pinned)
	if err != nil {
		return chat.Stats{}, v.fault(err)
	}
	var embeddings int64
	if err := v.db.Model(&dialect.EmbeddingRow{}).Where("workspace_id = ?", int64(ws)).Count(&embeddings).Error; err != nil {
		return chat.Stats{}, v.fault(err)
	}
	s.Embeddings = int(embeddings)
	if s.Platforms, err = v.platformStats(ws); err != nil {
		return chat.Stats{}, err
	}
	if s.Months, err = v.monthStats(ws); err != nil {
		return chat.Stats{}, err
	}
	if s.Backlog, err = v.Backlog(ws); err != nil {
		return chat.Stats{}, err
	}
	s.Embedding, err = v.embedding(ws)
	return s, err
}

func (v *View) platformStats(ws chat.WorkspaceID) ([]chat.PlatformStats, error) {
	stats := []chat.PlatformStats{}
	err := v.filtered(ws, chat.Filter{}).
		Select("conversations.platform AS platform, max(coalesce(platforms.display_name, '')) AS display_name, " +
			"count(*) AS conversations, sum(message_count) AS messages").
		Joins("LEFT JOIN platforms ON platforms.workspace_id = conversations.workspace_id AND platforms.platform = conversations.platform").
		Group("conversations.platform").Order("conversations.platform").Find(&stats).Error
	return stats, v.fault(err)
}

func (v *View) monthStats(ws chat.WorkspaceID) ([]chat.MonthStats, error) {
	stats := []chat.MonthStats{}
	month := v.database.Month("created_at")
	err := v.filtered(ws, chat.Filter{}).Select(month + " AS month, count(*) AS conversations").
		Group(month).Order(month).Find(&stats).Error
	return stats, v.fault(err)
}

// Backlog counts the conversations that are not ready, by the state of their index.
func (v *View) Backlog(ws chat.WorkspaceID) (chat.Backlog, error) {
	var rows []struct {
		IndexState string
		N          int
	}
	err := v.filtered(ws, chat.Filter{}).Select("index_state, count(*) AS n").
		Where("index_state <> ?", string(chat.Ready)).Group("index_state").Find(&rows).Error
	var b chat.Backlog
	for _, r := range rows {
		switch chat.IndexState(r.IndexState) {
		case chat.Queued:
			b.Queued = r.N
		case chat.Indexing:
			b.Indexing = r.N
		case chat.Failed:
			b.Failed = r.N
		}
	}
	return b, v.fault(err)
}
