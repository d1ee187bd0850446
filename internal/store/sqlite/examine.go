package sqlite

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ncruces/go-sqlite3"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Examine checks the file, and compares the full-text index with the passages. The index has no copy of the text, so
// its entries are compared by their row numbers and their number of terms. It uses the connections that read, so that
// others can write in the meantime.
func (d *Database) Examine(ctx context.Context) ([]dialect.Finding, error) {
	file, err := d.integrity(ctx, "PRAGMA integrity_check(1)")
	if err != nil {
		return nil, err
	}
	words, err := d.integrity(ctx, "PRAGMA integrity_check(chunks_fts)")
	if err != nil {
		return nil, err
	}
	var wrong, left int
	db := d.read.WithContext(ctx)
	if err := db.Raw("SELECT count(*) FROM chunks AS x WHERE " + notIndexed + " AND NOT " + waitsForMending).Scan(&wrong).Error; err != nil {
		return nil, err
	}
	if err := db.Raw("SELECT count(*) FROM chunks_fts_docsize AS d WHERE " + orphaned).Scan(&left).Error; err != nil {
		return nil, err
	}
	findings := []dialect.Finding{
		{Check: "database file", Detail: "SQLite's own integrity check: " + file},
		{Check: "full-text index", Detail: "its entries differ from the passages", Fixable: true, Count: wrong + left},
	}
	findings = append(findings, d.examineDisk())
	if file != healthy {
		findings[0].Count = 1
	}
	if words != healthy {
		findings[1].Count++
	}
	if findings[1].Count > 0 {
		findings[1].Detail = fmt.Sprintf("its entries differ from the passages: %d passages have no entry or another one, "+
			"%d entries belong to no passage; its own integrity check: %s", wrong, left, words)
	}
	return findings, nil
}

// examineDisk reports whether the disk has free space.
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

const (
	// notIndexed is the condition that the full-text index has not as many terms of a
	// passage as it should.
	notIndexed = "NOT EXISTS (SELECT 1 FROM chunks_fts_docsize AS d WHERE d.id = x.id AND indexed_terms(d.sz) = x.term_count)"

	// waitsForMending is the condition that Mend has queued a passage.
	waitsForMending = "(length(x.parts) = 0 AND EXISTS (SELECT 1 FROM conversations AS c WHERE c.workspace_id = x.workspace_id " +
		"AND c.id = x.conversation_id AND c.index_state IN ('queued', 'indexing')))"

	// orphaned is the condition that an entry of the index belongs to no passage.
	orphaned = "NOT EXISTS (SELECT 1 FROM chunks AS x WHERE x.id = d.id)"
)

// registerIndexedTerms gives SQL the function indexed_terms(sz): how many terms the
// full-text index has of a row, which it keeps as a number of variable length.
func registerIndexedTerms(conn *sqlite3.Conn) error {
	return conn.CreateFunction("indexed_terms", 1, sqlite3.DIRECTONLY|sqlite3.DETERMINISTIC, func(ctx sqlite3.Context, args ...sqlite3.Value) {
		var n int64
		for _, b := range args[0].RawBlob() {
			n = n<<7 | int64(b&0x7f)
			if b&0x80 == 0 {
				break
			}
		}
		ctx.ResultInt64(n)
	})
}

// healthy is what SQLite's integrity check says when nothing is wrong.
const healthy = "ok"

// integrity runs an integrity check. FTS5 remembers the segments of an index with the connection, and reads them
// again when a query begins, but not when a check begins. Without a query before it, the check would miss segments
// that another connection has merged, and call the index corrupt. Both are in one transaction, so that nothing is
// merged between them.
func (d *Database) integrity(ctx context.Context, pragma string) (said string, err error) {
	err = d.read.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		var none int
		if err := db.Raw(`SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH '"0"'`).Scan(&none).Error; err != nil {
			return err
		}
		return db.Raw(pragma).Limit(1).Scan(&said).Error
	})
	return said, err
}

// Mend deletes the entries of the full-text index that belong to no passage, or all entries if the index itself is
// damaged. It queues the conversations whose passages are missing or wrong in the index. They are analysed again,
// because the index has no copy of the text. Their vectors stay.
func (d *Database) Mend(ctx context.Context) error {
	words, err := d.integrity(ctx, "PRAGMA integrity_check(chunks_fts)")
	if err != nil {
		return err
	}
	var statements []string
	if words != healthy {
		statements = append(statements, "INSERT INTO chunks_fts (chunks_fts) VALUES ('delete-all')")
	}
	statements = append(statements,
		"DELETE FROM chunks_fts WHERE rowid IN (SELECT d.id FROM chunks_fts_docsize AS d WHERE "+orphaned+")",
		"UPDATE conversations AS c SET index_state = 'queued', attempts = 0, run_after = "+strconv.FormatInt(dialect.Micros(d.config.Now()), 10)+
			", indexed_revision = 0 WHERE EXISTS ("+
			"SELECT 1 FROM chunks AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id AND "+notIndexed+")",
		"UPDATE chunks AS x SET parts = x'' WHERE length(parts) > 0 AND "+notIndexed) // so that they do not count as complete
	return dialect.InTransaction(ctx, d.write, d, func(db *gorm.DB) error {
		for _, statement := range statements {
			if err := db.Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// VectorSearch reports whether a large workspace has codes. If not, its next search computes them.
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
