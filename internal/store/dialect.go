package store

import (
	"database/sql"

	"github.com/pressly/goose/v3/lock"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
)

// dialect is everything in which the databases differ. What is not here is one
// query for both.
type dialect interface {
	name() string

	// snapshot returns the options of a transaction that reads one moment.
	snapshot() *sql.TxOptions

	// migrationLock is how one program keeps the others from migrating the same
	// database; nil where none can be had.
	migrationLock() lock.SessionLocker

	// transient reports whether the database gave a transaction up that would
	// succeed when run again; disconnected, whether it ended because its connection
	// did, which undoes it unless it was being committed; fault tells what an error
	// means to a caller, and is nil for an error that means nothing particular.
	transient(err error) bool
	disconnected(err error) bool
	fault(err error) error

	// month is SQL for the month, as "2006-01", of a column that holds microseconds.
	month(column string) string

	// lockedIn is the condition that conversations.id is one of the ids, given in
	// canonical form, with those rows locked in an order that all deletes share.
	lockedIn(ws chat.WorkspaceID, ids []string) clause.Expr

	// atKeys narrows a query to the rows of a table, which is in it under its own name,
	// at the keys.
	atKeys(db *gorm.DB, table string, keys []rank.Key) *gorm.DB

	// claim marks up to n conversations as taken and returns their rows.
	claim(db *gorm.DB, now, leaseUntil int64, n int) ([]claimRow, error)

	// claimBehind takes one that is ready and was made by the recipe.
	claimBehind(db *gorm.DB, recipe, now, leaseUntil int64) ([]claimRow, error)

	// insertMessages writes any number of messages, of any number of conversations.
	insertMessages(db *gorm.DB, rows []messageRow) error

	// The rest knows how terms and vectors are kept.
	insertChunks(db *gorm.DB, chunks []chunkRow) error
	insertEmbeddings(db *gorm.DB, rows []embeddingRow) error
	embeddings(db *gorm.DB, ws chat.WorkspaceID, conversation string) ([]embeddingRow, error)
	documentFrequencies(db *gorm.DB, ws chat.WorkspaceID, terms []string) ([]int, error)
	// keywordLeg returns the LegSize best passages, and some more, in any order.
	keywordLeg(db *gorm.DB, q keywordQuery) ([]rank.Scored, error)
	nearest(db *gorm.DB, q vectorQuery) ([]rank.Scored, error)

	upkeep
	examiner
}
