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

-- The keys and indexes of the tables, for the tables that replace them.
CREATE TEMPORARY TABLE kept ON COMMIT DROP AS
SELECT CASE contype WHEN 'p' THEN 1 WHEN 'u' THEN 2 ELSE 4 END AS turn,
       format('ALTER TABLE %s ADD %s', conrelid::regclass, pg_get_constraintdef(oid)) AS statement
FROM pg_constraint
WHERE conrelid IN ('conversations_flat'::regclass, 'messages_flat'::regclass, 'chunks_flat'::regclass, 'embeddings_flat'::regclass)
    AND contype IN ('p', 'u', 'f')
UNION ALL
SELECT 3, pg_get_indexdef(indexrelid)
FROM pg_index
WHERE indrelid IN ('conversations_flat'::regclass, 'messages_flat'::regclass, 'chunks_flat'::regclass, 'embeddings_flat'::regclass)
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid);

-- Foreign keys of other tables to these are added again at the end.
DO $$
DECLARE
    key record;
BEGIN
    FOR key IN
        SELECT conrelid::regclass AS name, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE contype = 'f' AND confrelid IN ('conversations_flat'::regclass, 'messages_flat'::regclass, 'chunks_flat'::regclass, 'embeddings_flat'::regclass)
            AND conrelid NOT IN ('conversations_flat'::regclass, 'messages_flat'::regclass, 'chunks_flat'::regclass, 'embeddings_flat'::regclass)
    LOOP
        INSERT INTO kept VALUES (5, format('ALTER TABLE %s ADD CONSTRAINT %I %s', key.name, key.conname, key.definition));
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', key.name, key.conname);
    END LOOP;
END $$;

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
DO $$
DECLARE
    text_column record;
BEGIN
    FOR text_column IN
        SELECT replace(relname, '_flat', '') AS name, attname
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE attrelid IN ('conversations_flat'::regclass, 'messages_flat'::regclass, 'chunks_flat'::regclass, 'embeddings_flat'::regclass)
            AND attnum > 0 AND NOT attisdropped AND attstattarget = 0
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS 0', text_column.name, text_column.attname);
    END LOOP;
END $$;

INSERT INTO conversations SELECT * FROM conversations_flat;
INSERT INTO messages SELECT * FROM messages_flat;
INSERT INTO chunks SELECT * FROM chunks_flat;
INSERT INTO embeddings SELECT * FROM embeddings_flat;

-- With the old tables go their indexes, whose names are needed again.
DROP TABLE embeddings_flat, chunks_flat, messages_flat, conversations_flat;

DO $$
DECLARE
    made text;
BEGIN
    FOR made IN SELECT replace(statement, '_flat', '') FROM kept ORDER BY turn, statement LOOP
        EXECUTE made;
    END LOOP;
END $$;

COMMIT;

ANALYZE conversations, messages, chunks, embeddings;
