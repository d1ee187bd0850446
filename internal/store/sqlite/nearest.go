package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// DefaultExactLimit is how many vectors a search on SQLite compares one by one. That
// takes a few milliseconds, and codes would not be faster.
const DefaultExactLimit = 5000

// codeCandidates is how many passages with the nearest codes are compared by their
// vectors. docs/adr/0014 has the measurements.
const codeCandidates = 500

// codeBytes is the limit of the codes' memory: two million vectors of 512 numbers.
const codeBytes = 128 << 20

// Nearest compares the vectors of small workspaces one by one. In a large workspace it
// compares the candidates that the codes return. The first search of a large workspace
// compares all vectors and stores their codes.
func (d *Database) Nearest(db *gorm.DB, q dialect.VectorQuery) (found []rank.Scored, err error) {
	if q.Writing {
		return compareAll(db, q)
	}
	if _, in := db.Statement.ConnPool.(gorm.TxCommitter); !in { // the statements must see one state
		err = db.Transaction(func(tx *gorm.DB) error {
			found, err = d.Nearest(tx, q)
			return err
		}, d.SnapshotOptions())
		return found, err
	}
	version, err := vectorVersion(db)
	if err != nil {
		return nil, err
	}
	if d.codes.Serves(spaceOf(q), version) {
		found, served, err := d.compareNear(db, q, version)
		if served || err != nil {
			return found, err
		}
	}
	large, err := d.large(db, q)
	if err != nil {
		return nil, err
	}
	if large {
		if writer := d.codes.Build(spaceOf(q), version); writer != nil {
			return encodeAll(db, q, writer)
		}
	}
	return compareAll(db, q)
}

// spaceOf returns the space of the vectors that the query is compared with.
func spaceOf(q dialect.VectorQuery) bitcode.Space {
	return bitcode.Space{Workspace: q.Workspace, Model: q.Model, Dimensions: len(q.Vector)}
}

// unfiltered returns the query without its filter.
func unfiltered(q dialect.VectorQuery) dialect.VectorQuery {
	q.Filter = chat.Filter{}
	return q
}

func vectorVersion(db *gorm.DB) (version int64, err error) {
	err = db.Raw("SELECT version FROM vector_version").Row().Scan(&version)
	return version, err
}

// wanted returns the conversations that match a query's filter, nil if it has none.
func wanted(db *gorm.DB, q dialect.VectorQuery) (map[chat.ConversationID]bool, error) {
	if q.Filter == (chat.Filter{}) {
		return nil, nil //nolint:nilnil // nil means all
	}
	var ids []chat.ConversationID
	err := dialect.Filtered(db, q.Workspace, q.Filter).Pluck("conversations.id", &ids).Error
	wanted := make(map[chat.ConversationID]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	return wanted, err
}

// large reports whether a workspace has enough vectors for codes, and not more than fit.
func (d *Database) large(db *gorm.DB, q dialect.VectorQuery) (bool, error) {
	var n int
	err := dialect.CountPassages(dialect.Filtered(db, q.Workspace, chat.Filter{})).Row().Scan(&n)
	return n > q.ExactLimit && d.codes.Fits(n, len(q.Vector)), err
}

// compareAll compares the query with every vector that matches its filter.
func compareAll(db *gorm.DB, q dialect.VectorQuery) ([]rank.Scored, error) {
	found := rank.NewBest(dialect.LegSize)
	err := eachVector(dialect.EmbeddingsOf(db, q), func(v storedVector) { v.compare(q, nil, found) })
	return found.Ranked(), err
}

// compareNear compares the query with the vectors that the codes propose and with those
// of conversations without codes, whose codes it stores. It returns false when the codes
// have changed in the meantime.
func (d *Database) compareNear(db *gorm.DB, q dialect.VectorQuery, version int64) (scored []rank.Scored, served bool, err error) {
	conversations, err := wanted(db, q)
	if err != nil {
		return nil, false, err
	}
	coded, served := d.codes.Nearest(spaceOf(q), version, bitcode.NewQuery(q.Vector), conversations, codeCandidates)
	if !served {
		return nil, false, nil
	}
	keys := make([]rank.Key, len(coded.Nearest))
	for i, near := range coded.Nearest {
		keys[i] = near.Key
	}
	found := rank.NewBest(dialect.LegSize)
	near := d.AtKeys(dialect.EmbeddingsOf(db, unfiltered(q)), "embeddings", keys)
	err = eachVector(near, func(v storedVector) { v.compare(q, nil, found) })
	if err == nil && len(coded.Unread) > 0 {
		list, _ := json.Marshal(coded.Unread) // strings always marshal
		unread := dialect.EmbeddingsOf(db, unfiltered(q)).Where("embeddings.conversation_id IN (SELECT value FROM json_each(?))", string(list))
		err = encode(unread, coded.Writer, func(v storedVector) { v.compare(q, conversations, found) })
	}
	return found.Ranked(), true, err
}

// encodeAll compares the query with every vector and stores all codes.
func encodeAll(db *gorm.DB, q dialect.VectorQuery, writer *bitcode.Writer) ([]rank.Scored, error) {
	found := rank.NewBest(dialect.LegSize)
	conversations, err := wanted(db, q)
	if err != nil {
		writer.Abandon()
		return nil, err
	}
	err = encode(dialect.EmbeddingsOf(db, unfiltered(q)), writer, func(v storedVector) { v.compare(q, conversations, found) })
	return found.Ranked(), err
}

// storedVector is a row of embeddings. It is valid until the next row is read.
type storedVector struct {
	conversation sql.RawBytes
	position     int
	raw          sql.RawBytes
}

func eachVector(vectors *gorm.DB, each func(storedVector)) (err error) {
	rows, err := vectors.Select("embeddings.conversation_id, embeddings.position, embeddings.vector").Rows()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var v storedVector
	for rows.Next() {
		if err := rows.Scan(&v.conversation, &v.position, &v.raw); err != nil {
			return err
		}
		each(v)
	}
	return rows.Err()
}

// compare scores the passage if its conversation is wanted; nil wants all.
func (v storedVector) compare(q dialect.VectorQuery, wanted map[chat.ConversationID]bool, found *rank.Best) {
	if wanted != nil && !wanted[chat.ConversationID(v.conversation)] {
		return
	}
	score := dot(v.raw, q.Vector)
	if found.Takes(score) {
		found.Offer(rank.Scored{Key: rank.Key{Conversation: chat.ConversationID(v.conversation), Position: v.position}, Score: score})
	}
}
