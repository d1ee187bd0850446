package dialect

import (
	"errors"
	"strings"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
)

// LegSize is how many passages each leg of a search returns.
const LegSize = 100

// MaxQueryTerms bounds the terms of a KeywordQuery.
const MaxQueryTerms = 24

// KeywordQuery asks for the passages that have one of some terms.
type KeywordQuery struct {
	Workspace chat.WorkspaceID
	Terms     []string // with the label of the workspace; the rarest first; at most MaxQueryTerms
	IDF       []float64
	Proposing int // only passages that have one of so many of the terms are scored
	Corpus    rank.Corpus
	Filter    chat.Filter
}

// VectorQuery asks for the passages whose vectors are nearest to one.
type VectorQuery struct {
	Workspace chat.WorkspaceID
	Model     string
	Vector    []float32
	Filter    chat.Filter

	ExactLimit int  // how many passages are few enough to compare one by one
	Writing    bool // the transaction may have changed vectors that no other can see yet
}

// Space names the space of the vectors that the query is compared with.
func (q VectorQuery) Space() VectorSpace {
	return VectorSpace{Workspace: q.Workspace, Model: q.Model, Dimensions: len(q.Vector)}
}

// EmbeddingsOf are the vectors that a query is compared with.
func EmbeddingsOf(db *gorm.DB, q VectorQuery) *gorm.DB {
	query := db.Table("embeddings").Where("embeddings.workspace_id = ? AND embeddings.model = ? AND embeddings.dimensions = ?",
		int64(q.Workspace), q.Model, len(q.Vector))
	if q.Filter == (chat.Filter{}) {
		return query
	}
	return WhereFilter(query.Joins("JOIN conversations ON conversations.workspace_id = embeddings.workspace_id "+
		"AND conversations.id = embeddings.conversation_id"), q.Filter)
}

// ScanScored reads a hundred rows without GORM's help, which would take as long as
// the search of a small workspace.
func ScanScored(query *gorm.DB) (scored []rank.Scored, err error) {
	rows, err := query.Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s rank.Scored
		if err := rows.Scan(&s.Key.Conversation, &s.Key.Position, &s.Score); err != nil {
			return nil, err
		}
		scored = append(scored, s)
	}
	return scored, rows.Err()
}

// Filtered are the conversations of a workspace that pass a filter.
func Filtered(db *gorm.DB, ws chat.WorkspaceID, f chat.Filter) *gorm.DB {
	return WhereFilter(db.Model(&ConversationRow{}).Where("conversations.workspace_id = ?", int64(ws)), f)
}

// CountPassages makes a query of conversations count their passages.
func CountPassages(conversations *gorm.DB) *gorm.DB {
	return conversations.Select("coalesce(sum(conversations.chunk_count), 0)")
}

// WhereFilter is the one translation of a filter into SQL. The query must have the
// table conversations in it under its own name.
func WhereFilter(db *gorm.DB, f chat.Filter) *gorm.DB {
	if f.PassesNothing() { // the databases would differ in what they call an error
		return db.Where("1 = 0")
	}
	if f.Platform != "" {
		db = db.Where("conversations.platform = ?", f.Platform)
	}
	if f.Title != "" {
		db = db.Where(`conversations.title_folded LIKE ? ESCAPE '\'`, "%"+escapeLike(chat.Fold(f.Title))+"%")
	}
	if !f.From.IsZero() {
		db = db.Where("conversations.created_at >= ?", Micros(f.From))
	}
	if !f.Before.IsZero() {
		db = db.Where("conversations.created_at < ?", Micros(f.Before))
	}
	if f.PinnedOnly {
		db = db.Where("conversations.pinned = ?", true)
	}
	if f.Unpinned {
		db = db.Where("conversations.pinned = ?", false)
	}
	if id, ok := chat.ParseID(f.ImportID); ok {
		db = db.Where("conversations.import_id = ?", id)
	}
	return db
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func escapeLike(s string) string { return likeEscapes.Replace(s) }
