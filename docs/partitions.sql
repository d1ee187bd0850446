-- Hash partitions by workspace, for a PostgreSQL database with thousands of workspaces.
--
-- Stop every Lethe, take a backup, then:  psql -v ON_ERROR_STOP=1 -f docs/partitions.sql "$LETHE_DATABASE_URL"
-- Lethe needs no setting: every query names the workspace, so PostgreSQL reads only
-- the partition of that workspace. Sixteen partitions are suitable for one machine. The
-- number is in two places below. Changing it later requires copying the data again.
BEGIN;

ALTER TABLE conversations RENAME TO conversations_flat;
ALTER TABLE messages RENAME TO messages_flat;
ALTER TABLE chunks RENAME TO chunks_flat;
ALTER TABLE embeddings RENAME TO embeddings_flat;

CREATE TABLE conversations (LIKE conversations_flat INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY HASH (workspace_id);
CREATE TABLE messages (LIKE messages_flat INCLUDING DEFAULTS) PARTITION BY HASH (workspace_id);
CREATE TABLE chunks (LIKE chunks_flat INCLUDING DEFAULTS) PARTITION BY HASH (workspace_id);
CREATE TABLE embeddings (LIKE embeddings_flat INCLUDING DEFAULTS) PARTITION BY HASH (workspace_id);

DO $$
DECLARE
    parts constant int := 16;
    name  text;
BEGIN
    FOREACH name IN ARRAY ARRAY['conversations', 'messages', 'chunks', 'embeddings'] LOOP
        FOR part IN 0 .. parts - 1 LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)
                WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)',
                name || '_p' || part, name, parts, part);
        END LOOP;
    END LOOP;
END $$;

-- The planner must keep no samples of texts and vectors, as in the tables before.
ALTER TABLE conversations ALTER COLUMN title SET STATISTICS 0, ALTER COLUMN title_folded SET STATISTICS 0;
ALTER TABLE messages ALTER COLUMN external_id SET STATISTICS 0, ALTER COLUMN branch SET STATISTICS 0, ALTER COLUMN text SET STATISTICS 0;
ALTER TABLE chunks ALTER COLUMN parts SET STATISTICS 0, ALTER COLUMN text_sum SET STATISTICS 0, ALTER COLUMN terms SET STATISTICS 0;
ALTER TABLE embeddings ALTER COLUMN vector SET STATISTICS 0;

INSERT INTO conversations SELECT * FROM conversations_flat;
INSERT INTO messages SELECT * FROM messages_flat;
INSERT INTO chunks SELECT * FROM chunks_flat;
INSERT INTO embeddings SELECT * FROM embeddings_flat;

-- With the old tables go their indexes, whose names are needed again.
DROP TABLE embeddings_flat, chunks_flat, messages_flat, conversations_flat;

ALTER TABLE conversations
    ADD PRIMARY KEY (workspace_id, id),
    ADD UNIQUE (workspace_id, platform, external_id),
    ADD FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE;
CREATE INDEX conversations_newest ON conversations (workspace_id, updated_at, id);
CREATE INDEX conversations_import ON conversations (workspace_id, import_id);
CREATE INDEX conversations_last_import ON conversations (workspace_id, last_import_id);
CREATE INDEX conversations_counters ON conversations (workspace_id) INCLUDE (chunk_count, term_count);
CREATE INDEX conversations_queue ON conversations (run_after) WHERE index_state IN ('queued', 'indexing');
CREATE INDEX conversations_words ON conversations (run_after) WHERE index_state IN ('queued', 'indexing') AND indexed_revision <> revision;
CREATE INDEX conversations_vectors ON conversations (run_after) WHERE index_state IN ('queued', 'indexing') AND indexed_revision = revision;
CREATE INDEX conversations_holder ON conversations (holder) WHERE holder > 0;
CREATE INDEX conversations_recipe ON conversations (recipe_id, run_after) WHERE recipe_id > 0;

ALTER TABLE messages
    ADD PRIMARY KEY (workspace_id, conversation_id, position),
    ADD FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE;
ALTER TABLE chunks
    ADD PRIMARY KEY (workspace_id, conversation_id, position),
    ADD FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE;
CREATE INDEX chunks_terms ON chunks USING gin (terms);
ALTER TABLE embeddings
    ADD PRIMARY KEY (workspace_id, conversation_id, position),
    ADD FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE;

COMMIT;

ANALYZE conversations, messages, chunks, embeddings;
