-- Distributes the tables of a migrated Lethe database by workspace, for Citus 12 or newer
-- with pgvector on every server. It runs whole or not at all.
--
-- Stop every Lethe, take a backup, then:  psql -v ON_ERROR_STOP=1 -f docs/citus.sql "$LETHE_DATABASE_URL"
-- The coordinator must be in the metadata (SELECT citus_set_coordinator_host(...)), because
-- the tables that stay there refer to workspaces. Lethe sees at its start that the tables
-- are distributed. docs/scaling.md says what to expect.
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL citus.multi_shard_modify_mode = 'sequential'; -- tables with keys to a reference table need it in one transaction

-- A foreign key can only be distributed with both of its tables: these are added again below.
CREATE TEMPORARY TABLE kept ON COMMIT DROP AS
SELECT conrelid::regclass AS name, conname, pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE contype = 'f' AND confrelid NOT IN ('workspaces'::regclass, 'recipes'::regclass) AND connamespace = current_schema()::regnamespace;

DO $$
DECLARE
    key record;
BEGIN
    FOR key IN SELECT * FROM kept LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', key.name, key.conname);
    END LOOP;
END $$;

SELECT create_reference_table('workspaces');
SELECT create_reference_table('recipes');
SELECT create_distributed_table('conversations', 'workspace_id');

-- Every other table of workspaces goes beside it. Keys are found before anyone knows their
-- workspace, so they stay on the coordinator with the few rows of the whole database.
DO $$
DECLARE
    spread text;
    key    record;
BEGIN
    FOR spread IN
        SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attname = 'workspace_id'
            AND c.relname NOT IN ('conversations', 'api_keys')
        ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT create_distributed_table(%L, %L, colocate_with => %L)', spread, 'workspace_id', 'conversations');
    END LOOP;
    FOR key IN SELECT * FROM kept LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', key.name, key.conname, key.definition);
    END LOOP;
END $$;

-- Without this the coordinator keeps every row as it was, also those that are deleted later.
-- Tables with foreign keys are emptied with those that refer to them.
DO $$
DECLARE
    copied text;
BEGIN
    FOR copied IN SELECT logicalrelid::text FROM pg_dist_partition WHERE logicalrelid::text IN ('workspaces', 'recipes') OR partmethod = 'h'
        ORDER BY logicalrelid <> 'workspaces'::regclass, 1
    LOOP
        EXECUTE format('SELECT truncate_local_data_after_distributing_table(%L)', copied);
    END LOOP;
END $$;

-- Nothing may be left on the coordinator: an error here undoes everything.
DO $$
DECLARE
    copied text;
    left_over boolean;
BEGIN
    FOR copied IN SELECT logicalrelid::text FROM pg_dist_partition WHERE partmethod = 'h' LOOP
        EXECUTE format('SELECT pg_relation_size(%L) > 0', copied) INTO left_over;
        IF left_over THEN
            RAISE EXCEPTION 'rows of % are still on the coordinator, where no delete reaches them', copied;
        END IF;
    END LOOP;
END $$;

COMMIT;
