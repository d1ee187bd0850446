package store

import (
	"context"
	"database/sql"
	"io/fs"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/sqlite"
)

// Pools are a store's connection pools: the writers' and the readers', or the one
// that both share.
func Pools(s *Store) []*sql.DB { return s.pools() }

// DB is the writers' handle, to look at the tables as they are.
func DB(s *Store) *gorm.DB { return s.database.Write() }

// DecodeParts reads what EncodeParts wrote.
func DecodeParts(first int, raw []byte) ([]chat.Excerpt, bool) { return decodeParts(first, raw) }

// Handle is what a view asks through, to run a statement of a test's own.
func Handle(v *View) *gorm.DB { return v.db }

// FaultOf turns what a statement of a test's own returned into a fault.
func FaultOf(v *View, err error) error { return v.fault(err) }

// CompareAll searches as SearchSemantic does where there are no codes: as a
// transaction that may have changed vectors itself.
func CompareAll(v *View, ws chat.WorkspaceID, model embed.Model, vector []float32, f chat.Filter) ([]rank.Scored, error) {
	writing := *v
	writing.writing = true
	return writing.SearchSemantic(ws, model, vector, f)
}

// CodesOf are the codes that are kept of a conversation, in the very memory in which
// they are, and whether any space knows the conversation at all.
func CodesOf(s *Store, id string) (codes [][]byte, known bool) {
	return s.database.(*sqlite.Database).Codes().Of(id)
}

// Coded is how many conversations of a workspace have codes.
func Coded(s *Store, ws chat.WorkspaceID) int { return s.database.(*sqlite.Database).Codes().Count(ws) }

// LimitCodes sets how many bytes the codes may take.
func LimitCodes(s *Store, bytes int64) { s.database.(*sqlite.Database).Codes().SetLimit(bytes) }

// Migrate runs migrations of a test's own.
func (s *Store) Migrate(ctx context.Context, dir fs.FS) error {
	migrations := s.database.Migrations()
	migrations.Dir = dir
	provider, err := s.provider(migrations)
	if err != nil {
		return err
	}
	return upgrade(ctx, provider)
}

// FailIndexing stores what x holds and fails the claim, for tests that need a failed
// conversation with passages.
func (tx *Tx) FailIndexing(c Claim, x Indexed, reason string) error {
	changes := indexedChanges(x)
	changes["index_state"] = string(chat.Failed)
	changes["index_error"] = reason
	return tx.storeIndexed(c, x, changes)
}
