-- An import of a file is recorded before its first conversation is stored: what is
-- imported, how far it is, and who works on it. Imports of before have ended.

-- +goose Up
ALTER TABLE imports ADD COLUMN state           TEXT    NOT NULL DEFAULT 'stored'; -- receiving, reading, stored, failed, stopped
ALTER TABLE imports ADD COLUMN reason          TEXT    NOT NULL DEFAULT ''; -- why it failed or was stopped
ALTER TABLE imports ADD COLUMN platforms       TEXT    NOT NULL DEFAULT ''; -- of its conversations, when there are several: sorted, with spaces between
ALTER TABLE imports ADD COLUMN file_name       TEXT    NOT NULL DEFAULT '';
ALTER TABLE imports ADD COLUMN file_size       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN format          TEXT    NOT NULL DEFAULT '';
ALTER TABLE imports ADD COLUMN bytes_read      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN new_count       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN updated_count   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN unchanged_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN deleted_count   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN excluded_count  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN failed_count    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN report          TEXT    NOT NULL DEFAULT ''; -- JSON
ALTER TABLE imports ADD COLUMN restores        INTEGER NOT NULL DEFAULT 0; -- it restores what was deleted before
ALTER TABLE imports ADD COLUMN part            INTEGER NOT NULL DEFAULT 0; -- the last part that a client has sent
ALTER TABLE imports ADD COLUMN holder          INTEGER NOT NULL DEFAULT 0; -- the program that works on it
ALTER TABLE imports ADD COLUMN seen_at         INTEGER NOT NULL DEFAULT 0; -- when the program or the client last said that it goes on
ALTER TABLE imports ADD COLUMN ended_at        INTEGER;
UPDATE imports SET ended_at = created_at;
UPDATE imports SET platforms = coalesce((
    SELECT group_concat(platform, ' ') FROM (
        SELECT DISTINCT c.platform AS platform FROM conversations AS c
        WHERE c.workspace_id = imports.workspace_id AND (c.import_id = imports.id OR c.last_import_id = imports.id)
        ORDER BY platform
    )
), '') WHERE platform = 'several';
CREATE INDEX imports_running ON imports (seen_at) WHERE state IN ('receiving', 'reading');
CREATE INDEX imports_empty ON imports (ended_at) WHERE platform = '';
