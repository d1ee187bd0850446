// Package book stores the records of a ledger outside of the database that it belongs to:
// in a file, or in a PostgreSQL database. A record says that something was deleted. It has
// a keyed hash of Lethe's own id, and no text and no id. Records are only appended, and are
// removed from the beginning when they are older than a ledger keeps them.
package book

import (
	"context"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Sizes in bytes.
const (
	IDSize    = 16 // of the identity of a ledger
	OwnerSize = 32 // of the proof which database it belongs to
	HashSize  = 16 // of the hash in a record
)

// MaxBatch is the most records of one call of Append.
const MaxBatch = 10_000

// Record says that something was deleted.
type Record struct {
	At   time.Time // of the delete, to the microsecond
	Kind uint8     // what was deleted; this package does not interpret it
	Hash [HashSize]byte
}

// Head describes a ledger.
type Head struct {
	ID    [IDSize]byte
	Owner [OwnerSize]byte // a keyed hash of the ID, which only the owning database can compute
	First uint64          // the position of the oldest record that is kept, from 1; Last+1 when there is none
	Last  uint64          // the position of the newest record; 0 before the first
}

// Book is a ledger's storage. It is safe for concurrent use, also by several programs.
type Book interface {
	// Exclusively calls fn while no other caller, in any program, reads or writes the
	// ledger. It returns the errors of fn, and Unavailable when the ledger cannot be
	// reached, or when ctx ends before it is this caller's turn.
	Exclusively(ctx context.Context, fn func(Session) error) error

	// Place says where the ledger is, without a password.
	Place() string

	// Close releases what the ledger holds.
	Close()
}

// Session is access to a ledger. It is valid until the fn of Exclusively returns.
type Session interface {
	// Head returns the state of the ledger; found is false when there is no ledger yet.
	// Internal when the ledger is damaged.
	Head() (head Head, found bool, err error)

	// Create makes an empty ledger. Conflict when there is one.
	Create(id [IDSize]byte, owner [OwnerSize]byte) error

	// After calls each with the records after a position, in order, until it returns an
	// error, and returns this error.
	After(position uint64, each func(position uint64, r Record) error) error

	// Append adds at most MaxBatch records. They are on the disk when it returns the
	// position of the last one.
	Append(records []Record) (last uint64, err error)

	// Prune removes records from the beginning, as long as they are older than before. It
	// returns how many.
	Prune(before time.Time) (int, error)
}

// Open returns the ledger at a place: a URL that begins with postgres:// or postgresql://, or
// the path of a file. It neither connects nor creates anything. Invalid when the URL cannot be
// read.
func Open(place string) (Book, error) {
	if IsURL(place) {
		return openPostgres(place)
	}
	return openFile(place), nil
}

// IsURL reports whether a place is a PostgreSQL database, and not a file.
func IsURL(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

func unavailable(place string, err error) error {
	return fault.Wrap(fault.Unavailable, err, "the ledger %s cannot be used: %v", place, err)
}

func errExists(place string) error {
	return fault.New(fault.Conflict, "there is a ledger at %s already", place)
}

func errDamaged(place, how string) error {
	return fault.New(fault.Internal, "the ledger %s is damaged: %s; restore it from a copy, or let `lethe ledger forget` give it up", place, how)
}
