package postgres

import (
	"context"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Examine looks for invalid indexes. PostgreSQL keeps all others correct. An index can be
// left invalid when the program that built it stopped.
func (d *Database) Examine(ctx context.Context) ([]dialect.Finding, error) {
	indexes, err := d.VectorIndexes(ctx)
	if err != nil {
		return nil, err
	}
	broken := dialect.Finding{Check: "vector indexes", Detail: "left broken by a build that was cut off", Fixable: true}
	for _, x := range indexes {
		if !x.Valid && !x.Building {
			broken.Count++
		}
	}
	other := dialect.Finding{Check: "other indexes", Detail: "not valid: run REINDEX on them"}
	err = d.handle.WithContext(ctx).Raw(`SELECT count(*) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
		WHERE NOT i.indisvalid AND c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT starts_with(c.relname, ?)`, annIndexPrefix).
		Scan(&other.Count).Error
	return []dialect.Finding{broken, other}, err
}

// Mend rebuilds invalid vector indexes.
func (d *Database) Mend(ctx context.Context) error {
	indexes, err := d.VectorIndexes(ctx)
	if err != nil {
		return err
	}
	for _, x := range indexes {
		if x.Valid || x.Building {
			continue
		}
		if err := d.DropVectorIndex(ctx, x); err != nil {
			return err
		}
		if err := d.BuildVectorIndex(ctx, x.VectorSpace); err != nil {
			return err
		}
	}
	return nil
}

// VectorSearch reports whether a large workspace has an index.
func (*Database) VectorSearch(db *gorm.DB, space dialect.VectorSpace, exactLimit int) (chat.VectorSearch, error) {
	if space.Vectors <= exactLimit {
		return chat.VectorsExact, nil
	}
	var row struct{ Valid, Building bool }
	err := db.Raw(`SELECT i.indisvalid AND i.indisready AS valid,
			EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid) AS building
		FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid
		WHERE c.relname = ? AND c.relnamespace = CAST(current_schema() AS regnamespace)`, annIndexName(space)).Scan(&row).Error
	switch {
	case err != nil:
		return "", err
	case row.Valid:
		return chat.VectorsIndexed, nil
	case row.Building:
		return chat.VectorsBuilding, nil
	default:
		return chat.VectorsWaiting, nil
	}
}
