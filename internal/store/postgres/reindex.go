package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Thresholds for rebuilding indexes instead of vacuuming them (ADR 13).
const (
	// rebuildVectors is the deleted share of a workspace's vectors from which rebuilding
	// the index is faster than a vacuum, which repairs the graph around each deleted
	// vector: four times faster at a quarter, twenty times at three quarters.
	rebuildVectors = 0.1
	// rebuildTerms is the same for the index of terms. Its vacuum is fast, but does not
	// shrink the index and does not remove words.
	rebuildTerms = 0.5
)

// reindexVectors rebuilds the vector indexes of workspaces that lost a large share, while
// the service continues. It runs before the vacuum, which then has little to do in them.
func (d *Database) reindexVectors(ctx context.Context, conn *pgx.Conn) error {
	// A workspace whose last conversations were deleted has no row on the right.
	rows, err := conn.Query(ctx, `SELECT lost.workspace_id
		FROM (SELECT workspace_id, sum(embeddings) AS vectors FROM deletions WHERE reclaimed_at IS NULL GROUP BY workspace_id) AS lost
		LEFT JOIN (SELECT workspace_id, sum(vector_count) AS vectors FROM conversations GROUP BY workspace_id) AS kept
			ON kept.workspace_id = lost.workspace_id
		WHERE lost.vectors > CAST($1 AS float8) * (lost.vectors + coalesce(kept.vectors, 0))`, rebuildVectors)
	if err != nil {
		return err
	}
	thinned := map[int64]bool{}
	var ws int64
	if _, err := pgx.ForEachRow(rows, []any{&ws}, func() error { thinned[ws] = true; return nil }); err != nil {
		return err
	}
	indexes, err := d.VectorIndexes(ctx)
	if err != nil {
		return err
	}
	for _, x := range indexes {
		if !x.Valid || !thinned[int64(x.Workspace)] {
			continue
		}
		if err := reindex(ctx, conn, x.Name); err != nil {
			return err
		}
	}
	return nil
}

// reindexTerms rebuilds the index of terms when more than half of its passages were
// deleted.
func reindexTerms(ctx context.Context, conn *pgx.Conn) error {
	var thinned bool
	err := conn.QueryRow(ctx, `SELECT gone > CAST($1 AS float8) * (gone + (SELECT coalesce(sum(chunk_count), 0) FROM conversations))
		FROM (SELECT coalesce(sum(chunks), 0) AS gone FROM deletions WHERE reclaimed_at IS NULL) AS deletes`, rebuildTerms).Scan(&thinned)
	if err != nil || !thinned {
		return err
	}
	return reindex(ctx, conn, "chunks_terms")
}

// reindex rebuilds an index, after it has removed what an interrupted rebuild may have
// left.
func reindex(ctx context.Context, conn *pgx.Conn, name string) error {
	rows, err := conn.Query(ctx, `SELECT CAST(i.indexrelid AS regclass)::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
		WHERE c.relkind = 'i' AND NOT i.indisvalid AND c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relname ~ '_cc(new|old)\d*$'
			AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid)`)
	if err != nil {
		return err
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, index := range left { // the catalogue returns them quoted
		if _, err := conn.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+index); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, "REINDEX INDEX CONCURRENTLY "+pgx.Identifier{name}.Sanitize())
	return err
}
