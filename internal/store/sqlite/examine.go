package sqlite

import (
	"context"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Examine checks the file, and the full-text index against the passages.
func (d *Database) Examine(ctx context.Context) ([]dialect.Finding, error) {
	var said string
	if err := d.write.WithContext(ctx).Raw("PRAGMA integrity_check(1)").Scan(&said).Error; err != nil {
		return nil, err
	}
	file := dialect.Finding{Check: "the database file", Detail: "SQLite's own integrity check: " + said}
	if said != "ok" {
		file.Count = 1
	}
	words := dialect.Finding{Check: "the full-text index", Detail: "its entries are those of the passages", Fixable: true}
	if err := d.write.WithContext(ctx).Exec("INSERT INTO chunks_fts (chunks_fts, rank) VALUES ('integrity-check', 1)").Error; err != nil {
		words.Count, words.Detail = 1, "its entries are not those of the passages"
	}
	return []dialect.Finding{file, words}, nil
}

// Mend rebuilds the full-text index.
func (d *Database) Mend(ctx context.Context) error {
	return d.write.WithContext(ctx).Exec("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')").Error
}

// VectorSearch tells whether a large workspace has its codes, which its next search
// makes.
func (d *Database) VectorSearch(_ *gorm.DB, space dialect.VectorSpace, exactLimit int) (chat.VectorSearch, error) {
	large := space.Vectors > exactLimit
	space.Vectors = 0
	switch {
	case !large:
		return chat.VectorsExact, nil
	case d.codes.has(space):
		return chat.VectorsIndexed, nil
	default:
		return chat.VectorsWaiting, nil
	}
}
