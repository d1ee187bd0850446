-- A conversation is indexed in two stages, words and then vectors, and each stage has
-- a queue of its own. Who holds a claim is written beside it, so that what a program
-- held that has ended can be given to another one before its lease runs out.

-- +goose Up
ALTER TABLE conversations ADD COLUMN holder INTEGER NOT NULL DEFAULT 0; -- the number of the program that claimed it last; 0 when none has

CREATE INDEX conversations_words ON conversations (run_after) WHERE index_state IN ('queued', 'indexing') AND indexed_revision <> revision;
CREATE INDEX conversations_vectors ON conversations (run_after) WHERE index_state IN ('queued', 'indexing') AND indexed_revision = revision;

-- What the program that started last was told about embedding, as a sum of it. When
-- another sum comes, what had failed is tried again.
ALTER TABLE current_recipe ADD COLUMN settings TEXT NOT NULL DEFAULT '';

-- There is no limit to the length of what is indexed any more: those that had failed
-- for their length are queued.
UPDATE conversations SET index_state = 'queued', attempts = 0, run_after = 0, indexed_revision = 0, index_error = ''
WHERE index_state = 'failed' AND token_count > 100000;
-- What waits may have been given passages by a version before: they are looked at again.
UPDATE conversations SET indexed_revision = 0 WHERE index_state IN ('queued', 'indexing', 'failed');
