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

// MaxPlaces is how many places of a term in a passage a Match has at most.
const MaxPlaces = 255

// Term is a term of the full-text index.
type Term struct {
	Text   string // with the prefix of the workspace
	Prefix bool   // it stands for every term that begins with Text
}

// KeywordQuery asks for the passages that contain one of several terms.
type KeywordQuery struct {
	Workspace chat.WorkspaceID
	Terms     []Term // rarest first; at most MaxQueryTerms
	IDF       []float64
	Proposing int // only passages that contain one of the first Proposing terms are scored
	Corpus    rank.Corpus
	Filter    chat.Filter
}

// VectorQuery asks for the passages whose vectors are nearest to a vector.
type VectorQuery struct {
	Workspace chat.WorkspaceID
	Model     string
	Vector    []float32
	Filter    chat.Filter

	ExactLimit int  // up to this number of passages are compared one by one
	Writing    bool // the transaction may have changed vectors that others cannot see yet
}

// Space returns the space of the vectors that the query is compared with.
func (q VectorQuery) Space() VectorSpace {
	return VectorSpace{Workspace: q.Workspace, Model: q.Model, Dimensions: len(q.Vector)}
}

// EmbeddingsOf selects the vectors that a query is compared with.
func EmbeddingsOf(db *gorm.DB, q VectorQuery) *gorm.DB {
	query := db.Table("embeddings").Where("embeddings.workspace_id = ? AND embeddings.model = ? AND embeddings.dimensions = ?",
		int64(q.Workspace), q.Model, len(q.Vector))
	if q.Filter == (chat.Filter{}) {
		return query
	}
	return WhereFilter(query.Joins("JOIN conversations ON conversations.workspace_id = embeddings.workspace_id "+
		"AND conversations.id = embeddings.conversation_id"), q.Filter)
}

// ScanScored reads rows without GORM, which would take as long as the search of a small
// workspace.
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

// Filtered selects the conversations of a workspace that match a filter.
func Filtered(db *gorm.DB, ws chat.WorkspaceID, f chat.Filter) *gorm.DB {
	return WhereFilter(db.Model(&ConversationRow{}).Where("conversations.workspace_id = ?", int64(ws)), f)
}

// CountPassages turns a query of conversations into one that counts their passages.
func CountPassages(conversations *gorm.DB) *gorm.DB {
	return conversations.Select("coalesce(sum(conversations.chunk_count), 0)")
}

// WhereFilter translates a filter into SQL. No other code does. The query must contain
// the table conversations without an alias.
func WhereFilter(db *gorm.DB, f chat.Filter) *gorm.DB {
	if f.PassesNothing() { // otherwise the databases would return different errors
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
	if f.Archived != nil {
		db = db.Where("coalesce(conversations.archived, ?) = ?", false, *f.Archived)
	}
	if f.Starred != nil {
		db = db.Where("coalesce(conversations.starred, ?) = ?", false, *f.Starred)
	}
	if f.Project != "" {
		db = db.Where("conversations.project = ?", f.Project)
	}
	return db
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func escapeLike(s string) string { return likeEscapes.Replace(s) }
