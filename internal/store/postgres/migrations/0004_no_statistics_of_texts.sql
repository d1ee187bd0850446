-- PostgreSQL samples every column for its planner and keeps common values, words
-- and bounds of them in pg_statistic, until the next ANALYZE: a copy of texts that
-- no delete reaches. No query of Lethe's is planned better for knowing them.
--
-- What was sampled before goes when a column's type is set, also when it is set to
-- what it is; that rewrites nothing.

-- +goose Up
ALTER TABLE conversations
    ALTER COLUMN title TYPE text, ALTER COLUMN title SET STATISTICS 0,
    ALTER COLUMN title_folded TYPE text, ALTER COLUMN title_folded SET STATISTICS 0;
ALTER TABLE messages
    ALTER COLUMN external_id TYPE text, ALTER COLUMN external_id SET STATISTICS 0,
    ALTER COLUMN branch TYPE text, ALTER COLUMN branch SET STATISTICS 0,
    ALTER COLUMN text TYPE text, ALTER COLUMN text SET STATISTICS 0;
ALTER TABLE chunks
    ALTER COLUMN text TYPE text, ALTER COLUMN text SET STATISTICS 0,
    ALTER COLUMN terms TYPE tsvector, ALTER COLUMN terms SET STATISTICS 0;
-- Its type stays: that would build the vector indexes anew. Vectors of more than
-- 508 numbers were never sampled.
ALTER TABLE embeddings ALTER COLUMN vector SET STATISTICS 0;
