-- An import of a file is recorded before its first conversation is stored: what is
-- imported, how far it is, and who works on it. Imports of before have ended.

-- +goose Up
ALTER TABLE imports ADD COLUMN state           text    NOT NULL DEFAULT 'stored'; -- receiving, reading, stored, failed, stopped
ALTER TABLE imports ADD COLUMN reason          text    NOT NULL DEFAULT ''; -- why it failed or was stopped
ALTER TABLE imports ADD COLUMN platforms       text    NOT NULL DEFAULT ''; -- of its conversations, when there are several: sorted, with spaces between
ALTER TABLE imports ADD COLUMN file_name       text    NOT NULL DEFAULT '';
ALTER TABLE imports ADD COLUMN file_size       bigint  NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN format          text    NOT NULL DEFAULT '';
ALTER TABLE imports ADD COLUMN bytes_read      bigint  NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN new_count       bigint  NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN updated_count   bigint  NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN unchanged_count bigint  NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN deleted_count   bigint  NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN excluded_count  bigint  NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN failed_count    bigint  NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN report          text    NOT NULL DEFAULT ''; -- JSON
ALTER TABLE imports ADD COLUMN restores        boolean NOT NULL DEFAULT false; -- it restores what was deleted before
ALTER TABLE imports ADD COLUMN part            bigint  NOT NULL DEFAULT 0; -- the last part that a client has sent
ALTER TABLE imports ADD COLUMN holder          bigint  NOT NULL DEFAULT 0; -- the program that works on it
ALTER TABLE imports ADD COLUMN seen_at         bigint  NOT NULL DEFAULT 0; -- when the program or the client last said that it goes on
ALTER TABLE imports ADD COLUMN ended_at        bigint;
-- The planner keeps no samples of names and reasons (see 0004).
ALTER TABLE imports
    ALTER COLUMN reason SET STATISTICS 0, ALTER COLUMN platforms SET STATISTICS 0, ALTER COLUMN file_name SET STATISTICS 0,
    ALTER COLUMN report SET STATISTICS 0, ALTER COLUMN format SET STATISTICS 0;
UPDATE imports SET ended_at = created_at;
UPDATE imports SET platforms = coalesce((
    SELECT string_agg(platform, ' ' ORDER BY platform) FROM (
        SELECT DISTINCT c.platform AS platform FROM conversations AS c
        WHERE c.workspace_id = imports.workspace_id AND (c.import_id = imports.id OR c.last_import_id = imports.id)
    ) AS its
), '') WHERE platform = 'several';
CREATE INDEX imports_running ON imports (seen_at) WHERE state IN ('receiving', 'reading');
CREATE INDEX imports_empty ON imports (ended_at) WHERE platform = '';
