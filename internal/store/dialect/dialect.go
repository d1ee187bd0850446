// Package dialect is the contract between the store and the databases it runs on: the
// rows and queries that they exchange, and what a database must be able to do. Portable
// statements are in package store. Package dialect has no statement of a single database.
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

// Database is an open database. Packages sqlite and postgres implement it. Its methods
// return the driver's errors; Errors says what they mean.
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

	// Abilities are optional abilities of this database.
	Abilities() Abilities
}

// Connections are the handles of an open database.
type Connections interface {
	// Kind is the kind of database: "sqlite" or "postgres".
	Kind() string

	// Read and Write are the handles for reading and writing. They may be the same.
	Read() *gorm.DB
	Write() *gorm.DB

	// SnapshotOptions are the options of a transaction that reads one state.
	SnapshotOptions() *sql.TxOptions

	Migrations() Migrations

	// ExactLimit is the default of how many vectors a search compares one by one.
	ExactLimit() int

	// Close waits for running statements and closes every connection.
	Close() error
}

// Migrations are the versions of a database's schema.
type Migrations struct {
	Dir     fs.FS // one file a version, never changed once released
	Dialect goose.Dialect

	// Lock prevents other programs from migrating the same database at the same time. It
	// is nil where there is no such lock; then a program that was slower tries again.
	Lock lock.SessionLocker
}

// Errors interprets the errors of the database.
type Errors interface {
	// Transient reports whether the transaction failed because of others, so that running
	// it again can succeed.
	Transient(err error) bool

	// Disconnected reports whether the connection broke during the transaction. Nothing
	// of the transaction is stored, unless it was being committed.
	Disconnected(err error) bool

	// Fault returns the error as callers see it; nil when it has no particular meaning.
	Fault(err error) error
}

// Statements are the parts of portable statements that differ between databases.
type Statements interface {
	// Month is SQL for the month of a column in microseconds, as "2006-01".
	Month(column string) string

	// LockedIn is the condition that conversations.id is one of the ids in canonical
	// form. It locks these rows in the order that all deletes use.
	LockedIn(ws chat.WorkspaceID, ids []chat.ConversationID) clause.Expr

	// AtKeys limits a query to the rows of a table at the keys. The query names the table
	// without an alias.
	AtKeys(db *gorm.DB, table string, keys []rank.Key) *gorm.DB
}

// Queue claims conversations for indexing. Times are in microseconds.
type Queue interface {
	// Claim claims up to n conversations that are due at a stage for a holder, and
	// returns their rows. The stage is an SQL condition from the store.
	Claim(db *gorm.DB, stage string, holder, now, leaseUntil int64, n int) ([]ClaimRow, error)

	// ClaimBehind claims one ready conversation that was indexed with the recipe.
	ClaimBehind(db *gorm.DB, recipe, holder, now, leaseUntil int64) ([]ClaimRow, error)
}

// Spread claims conversations for indexing from workspaces that are on several servers. No
// statement can lock rows of several of them, so it first asks where something waits, and
// then claims in one workspace. Times are in microseconds.
type Spread interface {
	// Waiting returns workspaces that have conversations to claim, those that wait longest
	// first. It takes no lock and leaves out servers that do not answer.
	Waiting(ctx context.Context, w Waiting) ([]chat.WorkspaceID, error)

	// ClaimIn is Queue.Claim in one workspace.
	ClaimIn(db *gorm.DB, ws chat.WorkspaceID, stage string, holder, now, leaseUntil int64, n int) ([]ClaimRow, error)

	// ClaimBehindIn is Queue.ClaimBehind in one workspace.
	ClaimBehindIn(db *gorm.DB, ws chat.WorkspaceID, recipe, holder, now, leaseUntil int64) ([]ClaimRow, error)
}

// Waiting says what a conversation waits for.
type Waiting struct {
	Now    int64
	Stage  string // an SQL condition from the store, without values; unused if Recipe is set
	Recipe int64  // if above 0, ready conversations that were indexed with this recipe
}

// Presence shows which programs on a database are alive. Each program has a number, from
// 1 to 2^31-1, under which it claims conversations.
type Presence interface {
	// ShowAlive shows that the program with this number is alive.
	ShowAlive(ctx context.Context, number int64) (Sign, error)

	// Ended returns the numbers whose programs have ended or never showed that they were
	// alive. It may wait a few seconds to be sure.
	Ended(ctx context.Context, numbers []int64) ([]int64, error)

	// Alive returns the numbers of the programs that show that they are alive.
	Alive(ctx context.Context) ([]int64, error)
}

// Sign shows that a program is alive. It ends with Release, with the program, or with the
// connection that holds it.
type Sign interface {
	Lost(ctx context.Context) bool
	Release()
}

// Records writes and reads the rows that each database stores in its own way.
type Records interface {
	// InsertMessages writes any number of messages of any number of conversations.
	InsertMessages(db *gorm.DB, rows []MessageRow) error

	// TextPiece is SQL for a range of bytes of a message's text. Its two values are the
	// offset and the length.
	TextPiece() string

	// Stretches reads stretches of messages, in one statement and in any order. It reads no more of a long text than
	// needed. Messages that do not exist are left out.
	Stretches(db *gorm.DB, ws chat.WorkspaceID, asked []Stretch) ([]StretchRow, error)

	// InsertChunks writes passages, all of one conversation, and their terms into the
	// full-text index.
	InsertChunks(db *gorm.DB, rows []ChunkRow) error
	InsertEmbeddings(db *gorm.DB, rows []EmbeddingRow) error

	// Embeddings returns the vectors of a conversation, in no particular order.
	Embeddings(db *gorm.DB, ws chat.WorkspaceID, conversation chat.ConversationID) ([]EmbeddingRow, error)
}

// Search finds passages.
type Search interface {
	// DocumentFrequencies returns for each term how many passages contain it.
	// It takes one statement, however many terms there are.
	DocumentFrequencies(db *gorm.DB, ws chat.WorkspaceID, terms []Term) ([]int, error)

	// Keyword returns at least the LegSize best passages, in any order.
	Keyword(db *gorm.DB, q KeywordQuery) ([]rank.Match, error)

	// Nearest returns the LegSize passages with the nearest vectors, best first.
	Nearest(db *gorm.DB, q VectorQuery) ([]rank.Scored, error)

	// VectorSearch reports how Nearest searches a space with this number of vectors at
	// the moment.
	VectorSearch(db *gorm.DB, space VectorSpace, exactLimit int) (chat.VectorSearch, error)
}

// Reclaimer overwrites the storage of deleted data.
type Reclaimer interface {
	// Reclaim does this as far as the database can while the service continues. It returns ErrReadersLeft when a
	// transaction still reads a state from before the deletes.
	Reclaim(ctx context.Context, how Reclaiming) error
}

// Reclaiming says how a reclaim works.
type Reclaiming struct {
	Full bool // also rewrite the tables, which blocks everybody

	// Pause is called between two steps that block writers. If it returns an error, the
	// reclaim ends with it. It may be nil.
	Pause func(context.Context) error
}

// Rest calls Pause, if there is one.
func (r Reclaiming) Rest(ctx context.Context) error {
	if r.Pause == nil {
		return nil
	}
	return r.Pause(ctx)
}

// Examiner checks for damage that only one kind of database can have.
type Examiner interface {
	// Examine returns one finding per check, also when there is no problem.
	Examine(ctx context.Context) ([]Finding, error)

	// Mend repairs what Examine found and can be repaired.
	Mend(ctx context.Context) error
}

// Finding is the result of one check of the database.
type Finding struct {
	Check   string // the name of the check, which does not change
	Count   int    // how many rows are wrong; 0 is healthy
	Detail  string // what that means
	Fixable bool   // Mend can repair it
	Note    string // additional information, without a problem; usually empty
}

// Abilities are what some databases can do. A field is nil for a database that lacks the
// ability because it does not need it.
type Abilities struct {
	// Leader chooses one program for the upkeep of a database that several share.
	Leader Leader

	// VectorIndexer maintains approximate indexes of large spaces.
	VectorIndexer VectorIndexer

	// Spread claims conversations where the workspaces are on several servers.
	Spread Spread

	// Health returns why the database cannot be used although it answers; nil when it
	// can. It is cheap.
	Health func() error

	// Spend frees disk space for a delete that failed with err because the disk is full.
	// It reports whether the delete is worth another try.
	Spend func(err error) bool

	// Thin deletes most of what conversations consist of when one statement that deletes
	// them would take too much memory; nil when it never does. It is called in the
	// transaction of a delete, before that statement.
	Thin func(db *gorm.DB, ws chat.WorkspaceID, ids []chat.ConversationID) error

	// Room returns an error while the disk is full. Everything that does not delete asks it
	// first, so that it does not take the room that is kept for deletes. It is cheap while
	// the disk is not full.
	Room func() error

	// CheapReclaim is set when a reclaim costs only as much as what was deleted.
	CheapReclaim bool

	// Backup copies the database into an empty file while others write, and tells how many
	// pages are copied; nil where the database has its own tools.
	Backup func(ctx context.Context, to string, seen func(done, of int)) error

	// CodeBytes returns the memory that the codes of vectors use, in bytes.
	CodeBytes func() int64
}

// Leader chooses one of the programs that share a database.
type Leader interface {
	// Lead asks for the leadership; false when another program has it.
	Lead(ctx context.Context) (Leadership, bool, error)

	// Exclusively waits until no other program does upkeep, and then runs fn. This
	// program need not be the leader. It returns the errors of fn and of the driver.
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

// VectorIndexer builds and drops approximate indexes while the service continues.
type VectorIndexer interface {
	// VectorIndexes returns all indexes, including invalid ones.
	VectorIndexes(ctx context.Context) ([]VectorIndex, error)

	// LargeSpaces returns the spaces with more than above vectors.
	LargeSpaces(ctx context.Context, above int) ([]VectorSpace, error)

	// BuildVectorIndex builds the index of a space. A failed build leaves an invalid
	// index.
	BuildVectorIndex(ctx context.Context, space VectorSpace) error

	DropVectorIndex(ctx context.Context, index VectorIndex) error
}

// VectorSpace is the vectors of one model in one workspace.
type VectorSpace struct {
	Workspace  chat.WorkspaceID
	Model      string
	Dimensions int
	Vectors    int // their number; 0 when only the space is named
}

// VectorIndex is an approximate index over one VectorSpace.
type VectorIndex struct {
	VectorSpace
	Name     string // of the index in the database
	Table    string // its table or partition
	Valid    bool   // searches may use it
	Building bool   // some program is building it at this moment
	Bytes    int64
}
