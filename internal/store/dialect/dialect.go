// Package dialect is the contract between the store and the databases that it runs
// on: the rows and queries that they exchange, and what a database must be able to
// do. What is not in the contract is one portable statement, written in package
// store. Package dialect has no statement of one database only.
package dialect

import (
	"context"
	"database/sql"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
)

// Database is an open database. Packages sqlite and postgres each have one. The
// errors of its methods are the driver's own; Errors says what they mean.
type Database interface {
	Connections
	Errors
	Statements
	Queue
	Presence
	Records
	Search
	Reclaimer
	Examiner

	// Abilities are what this database can do and another need not.
	Abilities() Abilities
}

// Connections are the ways into an open database.
type Connections interface {
	// Kind is the kind of database: "sqlite" or "postgres".
	Kind() string

	// Read and Write are the handles for reading and for writing; they may be the
	// same.
	Read() *gorm.DB
	Write() *gorm.DB

	// SnapshotOptions are those of a transaction that reads one moment.
	SnapshotOptions() *sql.TxOptions

	Migrations() Migrations

	// ExactLimit is how many vectors a search compares one by one unless the
	// options say otherwise.
	ExactLimit() int

	// Close waits for running statements and closes every connection.
	Close() error
}

// Migrations are the versions of a database's schema.
type Migrations struct {
	Dir     fs.FS // one file a version, never changed once released
	Dialect goose.Dialect

	// Lock keeps other programs from migrating the same database; nil where there is
	// none, and then a program that was too slow tries again.
	Lock lock.SessionLocker
}

// Errors say what an error of the database means.
type Errors interface {
	// Transient reports whether the database ended a transaction that would succeed
	// when run again.
	Transient(err error) bool

	// Disconnected reports whether a transaction ended because its connection did.
	// Nothing of it is stored, unless it was being committed.
	Disconnected(err error) bool

	// Fault is what the error means to a caller; nil when it means nothing particular.
	Fault(err error) error
}

// Statements are the parts of portable statements that each database writes in its
// own way.
type Statements interface {
	// Month is SQL for the month, as "2006-01", of a column that holds microseconds.
	Month(column string) string

	// LockedIn is the condition that conversations.id is one of the ids, given in
	// canonical form. It locks those rows in an order that all deletes share.
	LockedIn(ws chat.WorkspaceID, ids []string) clause.Expr

	// AtKeys narrows a query to the rows at the keys of a table, which is in the query
	// under its own name.
	AtKeys(db *gorm.DB, table string, keys []rank.Key) *gorm.DB
}

// Queue takes conversations that need indexing. Times are microseconds.
type Queue interface {
	// Claim takes up to n conversations that are due at a stage, for a holder, and
	// returns their rows. The stage is a condition that the store has written.
	Claim(db *gorm.DB, stage string, holder, now, leaseUntil int64, n int) ([]ClaimRow, error)

	// ClaimBehind takes one conversation that is ready and was indexed by the recipe.
	ClaimBehind(db *gorm.DB, recipe, holder, now, leaseUntil int64) ([]ClaimRow, error)
}

// Presence shows which of the programs that share a database live. Each has a number,
// from 1 to 2^31-1, under which it claims conversations.
type Presence interface {
	// ShowAlive gives a sign that the program of this number lives.
	ShowAlive(ctx context.Context, number int64) (Sign, error)

	// Ended returns those of the numbers whose program has ended, or never gave a sign.
	// It may wait a few seconds before it says so of anybody.
	Ended(ctx context.Context, numbers []int64) ([]int64, error)
}

// Sign is what others see while a program lives. It ends with Release, with the
// program, or with the connection that holds it.
type Sign interface {
	Lost(ctx context.Context) bool
	Release()
}

// Records write and read the rows that each database keeps in its own way.
type Records interface {
	// InsertMessages writes any number of messages, of any number of conversations.
	InsertMessages(db *gorm.DB, rows []MessageRow) error

	// TextPiece is SQL for some bytes of the text of a message. Its two values are how
	// many bytes of the text come before, and how many are read.
	TextPiece() string

	// Stretches reads stretches of messages, in one statement and in any order. Of a long
	// text it reads no more than it must. Messages that there are not are left out.
	Stretches(db *gorm.DB, ws chat.WorkspaceID, asked []Stretch) ([]StretchRow, error)

	// InsertChunks writes passages, all of one conversation, and their terms into the
	// full-text index.
	InsertChunks(db *gorm.DB, rows []ChunkRow) error
	InsertEmbeddings(db *gorm.DB, rows []EmbeddingRow) error

	// Embeddings returns the vectors of a conversation, in no particular order.
	Embeddings(db *gorm.DB, ws chat.WorkspaceID, conversation string) ([]EmbeddingRow, error)
}

// Search finds passages.
type Search interface {
	// DocumentFrequencies returns, for each term, how many passages have it.
	DocumentFrequencies(db *gorm.DB, ws chat.WorkspaceID, terms []string) ([]int, error)

	// Keyword returns the LegSize best passages, and perhaps more, in any order.
	Keyword(db *gorm.DB, q KeywordQuery) ([]rank.Scored, error)

	// Nearest returns the LegSize passages with the nearest vectors, best first.
	Nearest(db *gorm.DB, q VectorQuery) ([]rank.Scored, error)

	// VectorSearch tells how Nearest searches a space of so many vectors at the moment.
	VectorSearch(db *gorm.DB, space VectorSpace, exactLimit int) (chat.VectorSearch, error)
}

// Reclaimer overwrites what deletes left behind in the storage.
type Reclaimer interface {
	// Reclaim does so as far as the database can while the service goes on. It returns
	// ErrReadersLeft when somebody still reads a state from before.
	Reclaim(ctx context.Context, how Reclaiming) error
}

// Reclaiming says how a reclaim works.
type Reclaiming struct {
	Full bool // also rewrite the tables, which blocks everybody meanwhile

	// Pause is called between two steps that keep others from writing; its errors end
	// the reclaim. It may be nil.
	Pause func(context.Context) error
}

// Rest calls Pause, if there is one.
func (r Reclaiming) Rest(ctx context.Context) error {
	if r.Pause == nil {
		return nil
	}
	return r.Pause(ctx)
}

// Examiner checks for the damage that only one kind of database can have.
type Examiner interface {
	// Examine returns a finding a check, healthy ones included.
	Examine(ctx context.Context) ([]Finding, error)

	// Mend repairs what Examine found and is fixable.
	Mend(ctx context.Context) error
}

// Finding is what an examination of the whole database says about one thing.
type Finding struct {
	Check   string // what was looked at, in a few words that stay the same
	Count   int    // how many rows are wrong; 0 is healthy
	Detail  string // what that means
	Fixable bool   // Mend can put it right
	Note    string // what there is to say although nothing of it is wrong; mostly empty
}

// Abilities are what one database can do and another need not. A field is nil where
// the database has no such ability, because it needs none.
type Abilities struct {
	// Leader chooses one program for the upkeep of a database that several share.
	Leader Leader

	// VectorIndexer keeps approximate indexes of large spaces.
	VectorIndexer VectorIndexer

	// Health tells what keeps the database from being used although it answers; nil for
	// nothing. It costs little and may be called often.
	Health func() error

	// Spend makes room for a delete that failed with err because the disk is full, and
	// reports whether it is worth trying again.
	Spend func(err error) bool

	// CheapReclaim tells that the cost of a reclaim follows what was deleted.
	CheapReclaim bool

	// CodeBytes returns how many bytes of memory the codes of vectors take.
	CodeBytes func() int64
}

// Leader chooses one of the programs that share a database.
type Leader interface {
	// Lead asks for the leadership; false when another program has it.
	Lead(ctx context.Context) (Leadership, bool, error)

	// Exclusively waits until no other program does upkeep, and then runs fn, whether
	// this program leads or not. The errors are fn's and the driver's own.
	Exclusively(ctx context.Context, fn func(context.Context) error) error
}

// Leadership is the right of one program to do the upkeep of a database that
// several share. It ends with Release, with the program, or with the connection
// that holds it.
type Leadership interface {
	// Lost reports whether the connection, and so the right, was lost.
	Lost(ctx context.Context) bool
	Release()
}

// VectorIndexer builds and drops approximate indexes while the service goes on.
type VectorIndexer interface {
	// VectorIndexes returns all indexes, unusable ones included.
	VectorIndexes(ctx context.Context) ([]VectorIndex, error)

	// LargeSpaces returns the spaces with more than so many vectors.
	LargeSpaces(ctx context.Context, above int) ([]VectorSpace, error)

	// BuildVectorIndex builds the index of a space. A build that fails leaves an index
	// that is not valid.
	BuildVectorIndex(ctx context.Context, space VectorSpace) error

	DropVectorIndex(ctx context.Context, index VectorIndex) error
}

// VectorSpace is the vectors that one workspace has of one model.
type VectorSpace struct {
	Workspace  chat.WorkspaceID
	Model      string
	Dimensions int
	Vectors    int // how many there are; 0 in the name of a space
}

// VectorIndex is an approximate index over one VectorSpace.
type VectorIndex struct {
	VectorSpace
	Name     string // of the index in the database
	Table    string // the table, or the partition, that it lies on
	Valid    bool   // searches may use it
	Building bool   // some program is building it at this moment
	Bytes    int64
}
