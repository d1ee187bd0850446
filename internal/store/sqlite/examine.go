package sqlite

import (
	"context"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Examine checks the file, and the full-text index against the passages. It works on
// the connections that read, so that others can write meanwhile.
func (d *Database) Examine(ctx context.Context) ([]dialect.Finding, error) {
	file, err := d.integrity(ctx, "PRAGMA integrity_check(1)")
	if err != nil {
		return nil, err
	}
	words, err := d.integrity(ctx, "PRAGMA integrity_check(chunks_fts)")
	if err != nil {
		return nil, err
	}
	findings := []dialect.Finding{
		{Check: "database file", Detail: "SQLite's own integrity check: " + file},
		{Check: "full-text index", Detail: "its entries differ from the passages", Fixable: true},
	}
	findings = append(findings, d.examineDisk())
	if file != healthy {
		findings[0].Count = 1
	}
	if words != healthy {
		findings[1].Count, findings[1].Detail = 1, "its entries are not those of the passages"
	}
	return findings, nil
}

// examineDisk tells whether the disk has room for more.
func (d *Database) examineDisk() dialect.Finding {
	found := dialect.Finding{Check: "the disk", Detail: "it has room for more"}
	err := d.Health()
	if err == nil {
		err = probe(d.path)
	}
	if err != nil {
		found.Count, found.Detail = 1, fault.Message(err)
	}
	return found
}

// healthy is what SQLite's integrity check says when nothing is wrong.
const healthy = "ok"

func (d *Database) integrity(ctx context.Context, pragma string) (said string, err error) {
	err = d.read.WithContext(ctx).Raw(pragma).Limit(1).Scan(&said).Error
	return said, err
}

// Mend rebuilds the full-text index.
func (d *Database) Mend(ctx context.Context) error {
	return d.write.WithContext(ctx).Exec("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')").Error
}

// VectorSearch tells whether a large workspace has its codes, which its next search
// makes.
func (d *Database) VectorSearch(_ *gorm.DB, space dialect.VectorSpace, exactLimit int) (chat.VectorSearch, error) {
	switch {
	case space.Vectors <= exactLimit:
		return chat.VectorsExact, nil
	case d.codes.Holds(bitcode.Space{Workspace: space.Workspace, Model: space.Model, Dimensions: space.Dimensions}):
		return chat.VectorsIndexed, nil
	default:
		return chat.VectorsWaiting, nil
	}
}
