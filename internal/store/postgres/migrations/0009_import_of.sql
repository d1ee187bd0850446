-- An import that is about one conversation, an upload or a re-send, names it, so that
-- a delete of the conversation takes the import along. An import of a file names none:
-- it goes with the last conversation that it created.

-- +goose Up
ALTER TABLE imports ADD COLUMN conversation_id uuid;
UPDATE imports SET conversation_id = (
    SELECT c.id FROM conversations AS c WHERE c.workspace_id = imports.workspace_id AND c.import_id = imports.id LIMIT 1
) WHERE conversations = 1 AND EXISTS (
    SELECT 1 FROM conversations AS c WHERE c.workspace_id = imports.workspace_id AND c.import_id = imports.id
);
CREATE INDEX imports_conversation ON imports (workspace_id, conversation_id);
