package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/signs"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// DefaultExactLimit is how many vectors a search on SQLite compares one by one. Below it
// that takes a few milliseconds, and codes would hardly be quicker.
const DefaultExactLimit = 5000

// codeCandidates is how many passages that the codes call near are compared by their
// vectors. docs/benchmarks.md has what is found with how many.
const codeCandidates = 500

// Nearest compares the vectors of a small workspace one by one. Of a large one it
// asks the codes which may be the nearest, and compares those; the first search of a
// large one compares all of them and leaves their codes behind.
func (d *Database) Nearest(db *gorm.DB, q dialect.VectorQuery) (found []rank.Scored, err error) {
	if q.Writing {
		return compareAll(db, q)
	}
	// The codes are looked at with a connection in hand: who has looked must not wait
	// for one that is held by somebody who waits for them.
	if _, in := db.Statement.ConnPool.(gorm.TxCommitter); !in {
		err = db.Transaction(func(tx *gorm.DB) error {
			found, err = d.Nearest(tx, q)
			return err
		}, d.SnapshotOptions())
		return found, err
	}
	seen, err := d.codes.look(q.Space(), q.Vector, codeCandidates,
		func() (int64, error) { return vectorVersion(db) },
		func() (map[string]bool, error) { return wanted(db, q) })
	switch {
	case err != nil:
		return nil, err
	case seen.space != nil:
		return d.compareNear(db, q, seen)
	}
	large, err := d.large(db, q)
	if err != nil {
		return nil, err
	}
	if large {
		if space := d.codes.begin(q.Space(), seen.version); space != nil {
			return d.encodeAll(db, q, space, seen.version)
		}
	}
	return compareAll(db, q)
}

// unfiltered is the query without its filter.
func unfiltered(q dialect.VectorQuery) dialect.VectorQuery {
	q.Filter = chat.Filter{}
	return q
}

func vectorVersion(db *gorm.DB) (version int64, err error) {
	err = db.Raw("SELECT version FROM vector_version").Row().Scan(&version)
	return version, err
}

// wanted are the conversations that a query's filter leaves, nil when it has none.
func wanted(db *gorm.DB, q dialect.VectorQuery) (map[string]bool, error) {
	if q.Filter == (chat.Filter{}) {
		return nil, nil //nolint:nilnil // nil means all
	}
	var ids []string
	err := dialect.Filtered(db, q.Workspace, q.Filter).Pluck("conversations.id", &ids).Error
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	return wanted, err
}

// large reports whether a workspace has so many vectors that codes are worth their
// memory, and not more than there is room for.
func (d *Database) large(db *gorm.DB, q dialect.VectorQuery) (bool, error) {
	var n int
	err := dialect.CountPassages(dialect.Filtered(db, q.Workspace, chat.Filter{})).Row().Scan(&n)
	return n > q.ExactLimit && int64(n)*int64(signs.Size(len(q.Vector))) < d.codes.limit, err
}

// compareAll compares the query with every vector that its filter leaves.
func compareAll(db *gorm.DB, q dialect.VectorQuery) ([]rank.Scored, error) {
	found := rank.NewBest(dialect.LegSize)
	err := eachVector(dialect.EmbeddingsOf(db, q), func(v storedVector) { v.compare(q, nil, found) })
	return found.Ranked(), err
}

// compareNear compares the query with the vectors that the codes propose, and with
// those of conversations that have changed, whose codes it renews.
func (d *Database) compareNear(db *gorm.DB, q dialect.VectorQuery, seen sight) ([]rank.Scored, error) {
	keys := make([]rank.Key, len(seen.nearest))
	for i, near := range seen.nearest {
		keys[i] = near.Key
	}
	near := d.AtKeys(dialect.EmbeddingsOf(db, unfiltered(q)), "embeddings", keys)
	found := rank.NewBest(dialect.LegSize)
	err := eachVector(near, func(v storedVector) { v.compare(q, nil, found) })
	if err == nil && len(seen.changed) > 0 {
		err = d.renew(db, q, seen, found)
	}
	return found.Ranked(), err
}

// renew compares the vectors of conversations that have changed, and puts their codes
// back.
func (d *Database) renew(db *gorm.DB, q dialect.VectorQuery, seen sight, found *rank.Best) error {
	list, _ := json.Marshal(seen.changed) // strings always marshal
	encode := newEncoder(d.codes, seen.space, seen.version)
	err := encode.all(dialect.EmbeddingsOf(db, unfiltered(q)).Where("embeddings.conversation_id IN (SELECT value FROM json_each(?))", string(list)),
		func(v storedVector) { v.compare(q, seen.wanted, found) })
	if err != nil {
		return err
	}
	for _, id := range seen.changed {
		if !encode.met[id] { // nothing is left of it
			d.codes.put(seen.space, id, block{}, seen.version)
		}
	}
	return nil
}

// encodeAll compares the query with every vector, and puts the codes of all in place.
func (d *Database) encodeAll(db *gorm.DB, q dialect.VectorQuery, space *codedSpace, version int64) ([]rank.Scored, error) {
	found := rank.NewBest(dialect.LegSize)
	asked, err := wanted(db, q)
	if err == nil {
		err = newEncoder(d.codes, space, version).all(dialect.EmbeddingsOf(db, unfiltered(q)), func(v storedVector) { v.compare(q, asked, found) })
	}
	if err != nil {
		d.codes.giveUp(space)
		return nil, err
	}
	d.codes.finish(space)
	return found.Ranked(), nil
}

// storedVector is a row of embeddings, as long as nobody reads the next.
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

// compare offers the passage to the best, if it is of a wanted conversation (nil: all
// are).
func (v storedVector) compare(q dialect.VectorQuery, wanted map[string]bool, found *rank.Best) {
	if wanted != nil && !wanted[string(v.conversation)] {
		return
	}
	score := dot(v.raw, q.Vector)
	if found.Takes(score) {
		found.Offer(rank.Scored{Key: rank.Key{Conversation: string(v.conversation), Position: v.position}, Score: score})
	}
}
