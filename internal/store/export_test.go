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

// Pools are a store's connection pools: one for writers and one for readers, or one for
// both.
func Pools(s *Store) []*sql.DB { return s.pools() }

// DB returns the writers' handle, for reading the tables directly.
func DB(s *Store) *gorm.DB { return s.database.Write() }

// DecodeParts decodes the output of EncodeParts.
func DecodeParts(first int, raw []byte) ([]chat.Excerpt, bool) { return decodeParts(first, raw) }

// DeliveredHash is what the row of a conversation contains of what an import sent.
func DeliveredHash(v *View, id chat.ConversationID, sum chat.UploadSum) []byte {
	return v.deliveredHash(id, sum)
}

// Handle returns the handle of a view, for a test's own statements.
func Handle(v *View) *gorm.DB { return v.db }

// FaultOf translates the error of a test's own statement into a fault.
func FaultOf(v *View, err error) error { return v.fault(err) }

// CompareAll searches like SearchSemantic without codes, as in a transaction that may
// have changed vectors.
func CompareAll(v *View, ws chat.WorkspaceID, model embed.Model, vector []float32, f chat.Filter) ([]rank.Scored, error) {
	writing := *v
	writing.writing = true
	return writing.SearchSemantic(ws, model, vector, f)
}

// CodesOf returns the codes of a conversation, in the memory that the store uses, and
// whether any workspace knows the conversation.
func CodesOf(s *Store, id chat.ConversationID) (codes [][]byte, known bool) {
	return s.database.(*sqlite.Database).Codes().Of(id)
}

// Coded returns the number of conversations of a workspace that have codes.
func Coded(s *Store, ws chat.WorkspaceID) int { return s.database.(*sqlite.Database).Codes().Count(ws) }

// LimitCodes sets the limit of the codes in bytes.
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

// FailIndexing stores x and fails the claim, for tests that need a failed conversation
// with passages.
func (tx *Tx) FailIndexing(c Claim, x Indexed, reason string) error {
	changes := indexedChanges(x)
	changes["index_state"] = string(chat.Failed)
	changes["index_error"] = reason
	return tx.storeIndexed(c, x, changes)
}

// LockByExternalID locks a conversation and reads its messages, as an upload does.
func (tx *Tx) LockByExternalID(ws chat.WorkspaceID, platform, externalID string) (t chat.Transcript, abridged bool, err error) {
	if t.Conversation, err = tx.LockByOrigin(ws, chat.Origin{Platform: platform, ExternalID: externalID}); err != nil {
		return chat.Transcript{}, false, err
	}
	var short bool
	if t.Turns, short, err = tx.ShortTurns(ws, t.ID, 0); err == nil && !short {
		t.Turns, err = tx.AbridgedTurns(ws, t.ID, 0)
	}
	return t, !short, err
}
