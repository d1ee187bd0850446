-- FTS5 merges a segment of which a tenth was deleted, inside the transaction of the delete.
-- A delete never does that any more: the reclaim merges, in small steps.

-- +goose Up
INSERT INTO chunks_fts (chunks_fts, rank) VALUES ('deletemerge', 0);
