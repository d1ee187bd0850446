-- A conversation belongs to the import that created it, whatever brings it later: who
-- deletes by an import must not delete what it only touched. How far an import is
-- depends on the conversations that it brought last.

-- +goose Up
ALTER TABLE conversations ADD COLUMN last_import_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
UPDATE conversations SET last_import_id = import_id;
CREATE INDEX conversations_last_import ON conversations (workspace_id, last_import_id);
