-- A conversation belongs to the import that created it, whatever brings it later: who
-- deletes by an import must not delete what it only touched. How far an import is
-- depends on the conversations that it brought last.

-- +goose Up
ALTER TABLE conversations ADD COLUMN last_import_id TEXT NOT NULL DEFAULT '';
UPDATE conversations SET last_import_id = import_id;
CREATE INDEX conversations_last_import ON conversations (workspace_id, last_import_id);
